"""The exception for errors of the user."""


class UserError(Exception):
    """Invalid input or usage; the message is one line: which file, what is wrong, what to do.

    Commands print it without a traceback and exit with 2; inside a job it becomes the `error` of a row.
    """
