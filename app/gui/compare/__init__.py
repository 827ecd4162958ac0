"""The person sought and a sighting side by side, large."""
