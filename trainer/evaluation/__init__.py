"""Evaluation: features → rankings → figures, by the protocol of Market-1501, in bounded memory."""
