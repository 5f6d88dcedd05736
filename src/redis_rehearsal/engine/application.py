"""The application that a worker simulates, put together from its plan."""

from dataclasses import dataclass

from redis_rehearsal.cache.encodings.choice import encodings_of_slots
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.database.event_writer import PostgresEventWriter
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.database.report_source import PostgresReportSource
from redis_rehearsal.engine.attribution import Attribution
from redis_rehearsal.engine.cache_aside import CacheAside
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.counts import QueryCounts
from redis_rehearsal.engine.event_stream import EventDriver
from redis_rehearsal.engine.increments import IncrementBlocks
from redis_rehearsal.engine.ledgers import Ledgers
from redis_rehearsal.engine.live_writes import LiveWrites
from redis_rehearsal.engine.mirror import Mirror
from redis_rehearsal.engine.misses import Misses
from redis_rehearsal.engine.plan import Drawn, WorkerPlan
from redis_rehearsal.engine.proven import ProvenReplies
from redis_rehearsal.engine.questions import QueryBlocks
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.workload.questions import EventStream, QuestionStream


@dataclass(frozen=True, slots=True)
class Application:
    """What a worker simulates: an application that asks questions, caches reports and counts events.

    Attributes:
        router: connections to both servers.
        queries: carries queries out.
        misses: answers those of them that the cache does not have.
        writer: of the cache.
        events: carries events out.
        mirror: knows of whom a write did not reach the second server.
        attribution: knows which server acknowledged what.
    """

    router: Router
    queries: CacheAside
    misses: Misses
    writer: CacheWriter
    events: EventDriver
    mirror: Mirror
    attribution: Attribution

    @property
    def recorders(self) -> tuple[Recorder, Recorder]:
        """Of what became of queries and of events."""
        return self.queries.loop.recorder, self.events.loop.recorder


def postgres_of(plan: WorkerPlan) -> WorkerDatabase:
    """The PostgreSQL that a plan names; nothing is connected yet."""
    return WorkerDatabase(
        PostgresReportSource(
            plan.database_url,
            plan.share.database_pool_size,
            plan.settings.operation_timeout,
            plan.settings.query_complexity,
            plan.settings.time_bucket_seconds,
            plan.settings.time_buckets,
            plan.clock.now,
        ),
        PostgresEventWriter(
            plan.database_url,
            plan.run_id,
            plan.share.index,
            plan.settings.time_bucket_seconds,
            plan.share.event_buffer_rows,
            plan.settings.operation_timeout,
        ),
    )


def server_of(plan: WorkerPlan, role: Role, endpoint: Endpoint) -> Server:
    """The connections to a server that a plan asks for; none is made yet."""
    name = f"redis-rehearsal:{plan.share.index}"
    return Server(role, endpoint, plan.share.redis_pool_size, name, plan.settings.operation_timeout)


def assemble(plan: WorkerPlan, ledgers: Ledgers, database: WorkerDatabase, stalls: Stalls) -> Application:
    """Put together what a plan asks for; nothing is connected yet.

    Args:
        plan: of the worker.
        ledgers: to keep account in.
        database: that it uses.
        stalls: when the worker did not wake up on time.
    """
    settings, share = plan.settings, plan.share
    tenants = len(share.organizations)
    ledger = ledgers.counters
    router = Router({role: server_of(plan, role, endpoint) for role, endpoint in plan.endpoints.items()}, tenants)
    router.on_truth = ledger.set_truth
    router.set_route(Route())
    questions = QueryBlocks(
        QuestionStream(share.tenant_shares, plan.generator(Drawn.QUESTIONS), plan.novelty),
        share.organizations,
        plan.keys,
        plan.clock,
        settings.time_bucket_seconds,
        encodings_of_slots(plan.data_types),
        share.index,
        plan.first_event_id,
    )
    mirror = Mirror(router)
    seed = settings.seed + share.index
    proven = ProvenReplies()
    writer = CacheWriter(questions, router, plan.clock, tenants, settings.cache_ttl, seed, mirror, proven)
    query_recorder, event_recorder = Recorder(stalls), Recorder(stalls)
    query_counts = QueryCounts()
    misses = Misses(
        questions,
        database.reports,
        writer,
        query_recorder,
        query_counts,
        plan.clock,
        timeout_seconds=settings.operation_timeout,
        buckets_kept=settings.time_buckets,
        single_flight=settings.single_flight,
    )
    queries = CacheAside(
        questions,
        router,
        writer,
        misses,
        proven,
        ledger,
        query_recorder,
        plan.clock,
        query_counts,
        timeout_seconds=settings.operation_timeout,
        buckets_kept=settings.time_buckets,
        bucket_seconds=settings.time_bucket_seconds,
        sample_rate=settings.validation_sample_rate,
        seed=seed,
        max_in_flight=share.max_workers,
        max_queued=share.max_queued_queries,
    )
    increments = IncrementBlocks(
        EventStream(share.tenant_shares, settings.users_per_org, plan.generator(Drawn.EVENTS)),
        share.organizations,
        plan.keys,
        plan.clock,
        settings.time_bucket_seconds,
        ledger,
    )
    attribution = Attribution()
    events = EventDriver(
        increments,
        router,
        ledger,
        event_recorder,
        writer,
        database.rows,
        first_id=plan.first_event_id + share.index,
        id_step=settings.workers,
        clock=plan.clock,
        bucket_seconds=settings.time_bucket_seconds,
        buckets_kept=settings.time_buckets,
        timeout_seconds=settings.operation_timeout,
        live=LiveWrites(
            router,
            plan.keys,
            share.organizations,
            ledgers.live,
            settings.time_bucket_seconds,
            settings.time_buckets,
            settings.users_per_org,
            attribution,
            mirror,
        ),
        attribution=attribution,
        mirror=mirror,
        max_in_flight=share.max_workers,
        max_queued=share.max_queued_events,
    )
    return Application(router, queries, misses, writer, events, mirror, attribution)
