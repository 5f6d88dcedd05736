"""What a worker is made of, put together from its plan."""

from dataclasses import dataclass

import numpy as np

from redis_rehearsal.cache.encodings.choice import encodings_of_slots
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.database.event_writer import PostgresEventWriter
from redis_rehearsal.database.ports import EventWriter, ReportSource, WorkerDatabase
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
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.questions import QueryBlocks
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.engine.steering import Steering
from redis_rehearsal.workload.questions import EventStream, QuestionStream


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a worker.

    Attributes:
        router: connections to both servers.
        reports: computes reports in the database.
        rows: writes event rows to the database.
        questions: drawn in advance.
        increments: of events, drawn in advance.
        writer: of the cache.
        queries: carries queries out.
        misses: answers those of them that the cache does not have.
        events: carries events out.
        query_recorder: of what became of queries.
        event_recorder: of what became of events.
        stalls: when the worker did not wake up on time.
        steering: changes where all of it goes.
        mirror: knows of whom a write did not reach the second server.
        attribution: knows which server acknowledged what.
        query_arrivals_rng: draws when queries are due.
        event_arrivals_rng: draws when events are due.
    """

    router: Router
    reports: ReportSource
    rows: EventWriter
    questions: QueryBlocks
    increments: IncrementBlocks
    writer: CacheWriter
    queries: CacheAside
    misses: Misses
    events: EventDriver
    query_recorder: Recorder
    event_recorder: Recorder
    stalls: Stalls
    steering: Steering
    mirror: Mirror
    attribution: Attribution
    query_arrivals_rng: np.random.Generator
    event_arrivals_rng: np.random.Generator


def postgres_of(plan: WorkerPlan) -> WorkerDatabase:
    """The PostgreSQL that a plan names; nothing is connected yet."""
    return WorkerDatabase(
        PostgresReportSource(
            plan.database_url,
            plan.database_pool_size,
            plan.operation_timeout,
            plan.query_complexity,
            plan.time_bucket_seconds,
            plan.time_buckets,
            plan.clock.now,
        ),
        PostgresEventWriter(
            plan.database_url,
            plan.run_id,
            plan.index,
            plan.time_bucket_seconds,
            plan.event_buffer_rows,
            plan.operation_timeout,
        ),
    )


def assemble(plan: WorkerPlan, ledgers: Ledgers, database: WorkerDatabase) -> Parts:
    """Put together what a plan asks for; nothing is connected yet.

    Args:
        plan: of the worker.
        ledgers: to keep account in.
        database: that it uses.
    """
    tenants = len(plan.organizations)
    streams = np.random.SeedSequence([plan.seed, plan.index]).spawn(4)
    query_arrivals_rng, event_arrivals_rng, questions_rng, events_rng = map(np.random.default_rng, streams)
    ledger = ledgers.counters
    name = f"redis-rehearsal:{plan.index}"

    def make_server(role: Role, endpoint: Endpoint) -> Server:
        return Server(role, endpoint, plan.redis_pool_size, name, plan.operation_timeout)

    router = Router({role: make_server(role, endpoint) for role, endpoint in plan.endpoints.items()}, tenants)
    router.on_truth = ledger.set_truth
    router.set_route(Route())
    reports, rows = database.reports, database.rows
    questions = QueryBlocks(
        QuestionStream(plan.tenant_shares, questions_rng, plan.novelty),
        plan.organizations,
        plan.keys,
        plan.clock,
        plan.time_bucket_seconds,
        encodings_of_slots(plan.data_types),
        plan.index,
        plan.first_event_id,
    )
    mirror = Mirror(router)
    writer = CacheWriter(questions, router, plan.clock, tenants, plan.cache_ttl, plan.seed + plan.index, mirror)
    stalls = Stalls()
    query_recorder, event_recorder = Recorder(stalls), Recorder(stalls)
    query_counts = QueryCounts()
    misses = Misses(
        questions,
        reports,
        writer,
        query_recorder,
        query_counts,
        plan.clock,
        timeout_seconds=plan.operation_timeout,
        buckets_kept=plan.time_buckets,
        single_flight=plan.single_flight,
    )
    queries = CacheAside(
        questions,
        router,
        writer,
        misses,
        ledger,
        query_recorder,
        plan.clock,
        query_counts,
        timeout_seconds=plan.operation_timeout,
        buckets_kept=plan.time_buckets,
        bucket_seconds=plan.time_bucket_seconds,
        sample_rate=plan.validation_sample_rate,
        seed=plan.seed + plan.index,
        max_in_flight=plan.max_workers,
        max_queued=plan.max_queued_queries,
    )
    increments = IncrementBlocks(
        EventStream(plan.tenant_shares, plan.users_per_org, events_rng),
        plan.organizations,
        plan.keys,
        plan.clock,
        plan.time_bucket_seconds,
        ledger,
    )
    attribution = Attribution()
    events = EventDriver(
        increments,
        router,
        ledger,
        event_recorder,
        writer,
        rows,
        first_id=plan.first_event_id + plan.index,
        id_step=plan.workers,
        clock=plan.clock,
        bucket_seconds=plan.time_bucket_seconds,
        buckets_kept=plan.time_buckets,
        timeout_seconds=plan.operation_timeout,
        live=LiveWrites(
            router,
            plan.keys,
            plan.organizations,
            ledgers.live,
            plan.time_bucket_seconds,
            plan.time_buckets,
            plan.users_per_org,
            attribution,
            mirror,
        ),
        attribution=attribution,
        mirror=mirror,
        max_in_flight=plan.max_workers,
        max_queued=plan.max_queued_events,
    )
    steering = Steering(
        router,
        events,
        writer,
        lambda command: make_server(command.role, command.endpoint),
        tenants,
        plan.seed,
    )
    return Parts(
        router=router,
        reports=reports,
        rows=rows,
        questions=questions,
        increments=increments,
        writer=writer,
        queries=queries,
        misses=misses,
        events=events,
        query_recorder=query_recorder,
        event_recorder=event_recorder,
        stalls=stalls,
        steering=steering,
        mirror=mirror,
        attribution=attribution,
        query_arrivals_rng=query_arrivals_rng,
        event_arrivals_rng=event_arrivals_rng,
    )
