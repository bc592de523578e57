"""The one exception for a user's mistake."""


class InputError(ValueError):
    """Something that a user gave cannot be used.

    The message is one sentence that names the file, key or atom, what was found and what was
    expected. The command line prints it without a traceback.
    """
