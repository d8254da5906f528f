"""What can go wrong on the way to the public page. Each docstring is the message."""


class StatusPageError(Exception):
    """The public page could not be made or read."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        message = " ".join((type(self).__doc__ or "").split())
        super().__init__(f"{message} {detail}".strip())


class UnreadablePublication(StatusPageError):
    """A published file cannot be read; the next generation writes it anew."""


class NewerPublication(StatusPageError):
    """Another publisher has published a newer generation; this one steps back."""


class UnknownLanguage(StatusPageError):
    """There are no texts in this language; take one out of `status_page/locale`."""


class MissingWords(StatusPageError):
    """A text is missing in a language; add it to its file in `status_page/locale`."""
