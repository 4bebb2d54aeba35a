-- Production's tables. Indexes come after the rows, as from a restored dump.
CREATE TABLE documents (id bigint, token uuid, digest text, body bytea);
CREATE TABLE customers (id bigint, name text, email text, address text, phone text, registered timestamptz,
                        seen timestamptz, profile jsonb);
CREATE TABLE payments (id bigint, customer bigint, amount numeric(12, 2), status text, at timestamptz, note text);
