"""Every error GradFlow raises on purpose: one base class, so that callers catch one thing."""


class GradflowError(Exception):
    """Base class of all errors raised by GradFlow; its message can be shown to a user as it is."""


class InvalidExperiment(GradflowError, ValueError):
    """A setting is impossible. The message names the field, the value and what is allowed.

    ``fields`` are the names of the settings at fault, for a caller that can mend them.
    """

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class InvalidReport(GradflowError, ValueError):
    """A saved report cannot be read: not a report, damaged, or of another format version."""


class ProbeError(GradflowError):
    """A model cannot be probed as it stands; the message says what to change."""


class DeviceUnavailable(GradflowError):
    """The experiment asks for a device that this machine does not have."""
