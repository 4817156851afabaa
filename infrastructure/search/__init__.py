"""The indexes of OpenSearch: their mapping, and the steps that create, fill and replace them."""
