"""Which servers new connections to the addresses of source and target reached, and what changed of itself. Pure."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.route import Role
from redis_rehearsal.engine.attribution import Eras
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason

_REPLICAS: Final = ("slave", "replica")
AnnotationKind = Literal["server-changed", "role-changed"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened to a server without our doing.

    Attributes:
        kind: of it.
        server: whose address it is.
        at: Unix time.
        detail: in words.
    """

    kind: AnnotationKind
    server: Role
    at: float
    detail: str


@dataclass(slots=True)
class ReachedServers:
    """What was reached so far.

    Attributes:
        eras: of each address.
        nodes: what each address led to last; a role is missing before the first look.
        annotations: what changed of itself, oldest first.
        silent: addresses whose server did not say who it is.
        mixed: addresses that led to a server again after they had led to another one: then nobody knows which server
            a new connection reaches.
    """

    eras: dict[Role, Eras] = field(default_factory=dict)
    nodes: dict[Role, Node] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    silent: set[Role] = field(default_factory=set)
    mixed: set[Role] = field(default_factory=set)
    _endpoints: dict[Role, Endpoint] = field(default_factory=dict)

    def note(
        self,
        role: Role,
        endpoint: Endpoint,
        node: Node,
        began_seconds: float,
        answered_seconds: float,
        at: float,
        *,
        closely: bool = False,
    ) -> list[Annotation]:
        """Note what a new connection reached.

        Args:
            role: whose address it is.
            endpoint: the address; another one begins anew.
            node: what answered.
            began_seconds: when the connection was begun, on the monotonic clock.
            answered_seconds: when it was answered.
            at: the same as Unix time.
            closely: whether a change of its role is worth telling: else it may be our own doing.

        Returns:
            What is worth telling of it.
        """
        if self._endpoints.get(role) != endpoint:
            self._endpoints[role] = endpoint
            self.eras[role] = Eras([])
            self.nodes.pop(role, None)
        if not node.run_id:
            self.silent.add(role)
            return []
        eras, before = self.eras[role], self.nodes.get(role)
        earlier = {era.run_id for era in eras.eras[:-1]}
        self.nodes[role] = node
        found: list[Annotation] = []
        if (
            eras.reached(node.run_id, began_seconds, answered_seconds, node.started_seconds(began_seconds))
            and before is not None
        ):
            if node.run_id in earlier:
                self.mixed.add(role)
            detail = (
                f"Behind {endpoint} answers another server, or one that was started anew (run id {node.run_id[:8]})."
            )
            found.append(Annotation("server-changed", role, at, detail))
        elif closely and before is not None and node.role and before.role and node.role != before.role:
            found.append(
                Annotation(
                    "role-changed", role, at, f"The server behind {endpoint} is a {node.role} now, no {before.role}."
                )
            )
        self.annotations += found
        return found

    def told_between(self, begins: float, ends: float) -> str:
        """What changed of itself between two Unix times, in short; empty where nothing did."""
        found = [f"{each.kind}: {each.server}" for each in self.annotations if begins <= each.at < ends]
        return "; ".join(found)

    def is_replica(self, role: Role) -> bool:
        """Whether what answers behind an address is a replica, which keeps no writes of ours for good."""
        node = self.nodes.get(role)
        return node is not None and node.role in _REPLICAS

    def unknown(self, role: Role) -> Reason:
        """Why it is not known which server answers behind an address; empty where it is."""
        if role in self.mixed:
            return Cause.SERVERS_MIXED.because(
                how="new connections reached one server, then another, then the first again"
            )
        if role in self.silent:
            return Cause.SERVER_NAMELESS.because(sentence="the server does not say who it is (INFO is refused)")
        return NO_REASON


class Watch(Protocol):
    """Who watches the addresses.

    Attributes:
        reached: what was reached so far.
    """

    reached: ReachedServers

    async def look(self, role: Role) -> None:
        """See what a connection that is made now reaches."""

    def closely(self, role: Role) -> AbstractAsyncContextManager[None]:
        """Look ten times a second as long as the block lasts."""

    def answering(self, role: Role) -> dict[Node, int]:
        """How many of the application's connections to an address each server answers, as far as was heard."""
