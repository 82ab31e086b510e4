-- IDs are compared byte by byte, which is the order of Python's strings and so that of `low` and
-- `high`. Names and notes are UTF-8 in bytea: text cannot hold U+0000, and JSON can.

CREATE TABLE identities (
    id text COLLATE "C" PRIMARY KEY,
    name bytea,
    kept boolean NOT NULL,
    expires_at double precision, -- seconds since the epoch, as everywhere but where it says otherwise
    last_seen bigint, -- milliseconds since the epoch
    queued bigint NOT NULL
);
CREATE INDEX identities_ending ON identities (expires_at) WHERE kept AND expires_at IS NOT NULL;
CREATE INDEX identities_present ON identities (id) WHERE kept AND expires_at IS NULL;
CREATE INDEX identities_ephemeral ON identities (id) WHERE NOT kept;

CREATE TABLE pairs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    low text COLLATE "C" NOT NULL REFERENCES identities ON DELETE CASCADE,
    high text COLLATE "C" NOT NULL REFERENCES identities ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('none', 'requested', 'linked')),
    requester text COLLATE "C" CHECK (requester IN (low, high)),
    silent boolean NOT NULL,
    note bytea,
    expires_at double precision NOT NULL,
    low_blocks boolean NOT NULL,
    high_blocks boolean NOT NULL,
    low_cooldown double precision NOT NULL,
    high_cooldown double precision NOT NULL,
    seq bigint NOT NULL,
    first bigint NOT NULL,
    low_got bigint NOT NULL,
    low_delivered bigint NOT NULL,
    low_read bigint NOT NULL,
    high_got bigint NOT NULL,
    high_delivered bigint NOT NULL,
    high_read bigint NOT NULL,
    CHECK (low < high),
    UNIQUE (low, high)
-- Room in each page, for every message changes its pair's row
) WITH (fillfactor = 70);
CREATE INDEX pairs_high ON pairs (high);
CREATE INDEX pairs_due ON pairs (expires_at) WHERE state = 'requested';

CREATE TABLE messages (
    pair bigint NOT NULL REFERENCES pairs ON DELETE CASCADE,
    seq bigint NOT NULL,
    from_low boolean NOT NULL,
    id text COLLATE "C" NOT NULL,
    at bigint NOT NULL, -- milliseconds since the epoch
    delivered boolean NOT NULL, -- whether the sender was told so
    retry boolean NOT NULL, -- whether the ID is the sender's own
    content bytea NOT NULL, -- as stores/content.py makes it
    PRIMARY KEY (pair, seq)
);
CREATE UNIQUE INDEX messages_retry ON messages (pair, from_low, id) WHERE retry;
CREATE INDEX messages_at ON messages (at);

CREATE TABLE tokens (
    digest bytea PRIMARY KEY,
    client text COLLATE "C" NOT NULL REFERENCES identities ON DELETE CASCADE,
    expires_at double precision NOT NULL
);
CREATE INDEX tokens_client ON tokens (client, expires_at);
CREATE INDEX tokens_ending ON tokens (expires_at);

CREATE TABLE invites (
    digest bytea PRIMARY KEY,
    maker text COLLATE "C" NOT NULL REFERENCES identities ON DELETE CASCADE,
    uses integer NOT NULL,
    expires_at double precision NOT NULL
);
CREATE INDEX invites_maker ON invites (maker);
CREATE INDEX invites_ending ON invites (expires_at);
