"""How well raters agree with listeners: correlations, intervals, tests, mappings, reliability."""
