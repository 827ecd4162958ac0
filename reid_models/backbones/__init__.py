"""What turns images into tokens or maps; shared by the networks of the papers."""
