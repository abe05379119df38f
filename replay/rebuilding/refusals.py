"""Why a rebuild does not go on; each says what to do next."""


class RebuildRefused(Exception):
    """A rebuild, a switch or a drop cannot be done now; nothing has changed."""


class HeldByAnother(RebuildRefused):
    """Somebody else works on the read model."""


class ProcessesUnaware(RebuildRefused):
    """A process that serves does not know the generation: its writes would be refused."""
