-- Secrets, encrypted with AES-256-GCM under a key that this database never sees.
create table vault (
    name       text primary key check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}$'),
    ciphertext bytea not null,        -- bound to its name: moved to another row it does not decrypt
    nonce      bytea not null check (octet_length(nonce) = 12),
    key_id     text not null,         -- a fingerprint of the key, to say which one is wanted
    host       text,                  -- the mail host that first accepted the secret; null until one has
    version    bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
