"""Networks made, converted and measured; knows reid_models, and nothing of the app."""
