"""The one OpenAPI document, put together from all functions."""
