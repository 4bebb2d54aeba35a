ALTER TABLE documents ADD PRIMARY KEY (id);
CREATE INDEX ON documents (token);
ALTER TABLE customers ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX ON customers (email);
CREATE INDEX ON customers (seen);
ALTER TABLE payments ADD PRIMARY KEY (id);
CREATE INDEX ON payments (customer, at);
VACUUM (FREEZE, ANALYZE);
CHECKPOINT;
