"""PEAQ, basic version (ITU-R BS.1387-1): `ear` hears, `patterns` adapts, `movs` compares, `network` judges."""
