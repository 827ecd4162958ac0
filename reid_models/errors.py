"""The error of networks and their files; light, so that anyone may import it."""


class ToldError(Exception):
    """A problem that a user can act on, told in two sentences.

    Attributes:
        message: what is wrong, and with which file or key; a whole sentence.
        remedy: what the user can do; a whole sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class NetworkError(ToldError):
    """A network, its file or its input cannot be used."""
