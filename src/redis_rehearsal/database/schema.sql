CREATE SCHEMA analytics;
COMMENT ON SCHEMA analytics IS 'redis-rehearsal';

CREATE TABLE analytics.seeding (
    parameters jsonb NOT NULL,
    finished_at timestamptz
);

CREATE TABLE analytics.organizations (
    id integer PRIMARY KEY,
    name text NOT NULL,
    plan text NOT NULL
);

CREATE TABLE analytics.users (
    organization_id integer NOT NULL,
    id integer NOT NULL,
    email text NOT NULL,
    segment smallint NOT NULL
);

-- One row an event. The id is made by the generator and is unique over all runs.
CREATE TABLE analytics.events (
    id bigint NOT NULL,
    organization_id integer NOT NULL,
    user_id integer NOT NULL,
    type smallint NOT NULL,
    page smallint NOT NULL,
    occurred_at timestamptz NOT NULL
) PARTITION BY RANGE (occurred_at);

-- Roll-ups are kept in the transaction that writes the rows; a bucket is named by the Unix time at which it
-- begins. Updates change no index.
CREATE TABLE analytics.hourly_events (
    organization_id integer NOT NULL,
    bucket_start bigint NOT NULL,
    type smallint NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (organization_id, bucket_start, type)
) WITH (fillfactor = 70);

CREATE TABLE analytics.hourly_pages (
    organization_id integer NOT NULL,
    bucket_start bigint NOT NULL,
    page smallint NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (organization_id, bucket_start, page)
) WITH (fillfactor = 70);

-- The last batch of event rows that each worker of a run has committed: a batch that is sent again, because
-- the answer to its COMMIT was lost, is known by its number.
CREATE TABLE analytics.batches (
    run_id text NOT NULL,
    worker integer NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (run_id, worker)
);
