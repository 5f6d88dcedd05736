"""What can be asked of a preflight on the command line."""

from pydantic import BaseModel, ConfigDict

from redis_rehearsal.migration.options import CopyMethod, FreezeKind, StrategyName


class PreflightOptions(BaseModel):
    """How the migration is to be done that the preflight is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strategy: StrategyName | None = None
    "How to migrate: the exit code is then about this strategy alone. Default: any that carries the data over."

    freeze: FreezeKind = "client"
    "Who holds writes back in the cutover: the application, the source, or nobody."

    copy_method: CopyMethod = "auto"
    "How keys are copied: whole (dump), type by type (types), or whole where that can be done."

    allow_server_wide: bool = False
    "What acts on whole servers (REPLICAOF, CLIENT PAUSE, CONFIG) may be used; the preflight itself uses none of it."

    clear_target: bool = False
    "What the target holds under our prefix may be deleted; the preflight itself deletes nothing."
