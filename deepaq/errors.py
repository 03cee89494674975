"""The exception for mistakes of the user."""


class UserError(Exception):
    """Bad input or usage: one line that says which file, what is wrong and what to do.

    The commands print it without a traceback and exit with 2; inside a job it becomes a row's `error`.
    """
