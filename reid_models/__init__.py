"""Networks for person re-identification: tensors in, tensors out; knows nothing of the app."""
