"""PEAQ, basic version (ITU-R BS.1387-1): `ear` models hearing, `patterns` adapts, `movs` compares, `network` rates."""
