-- Bus travel in a made-up Thailand. psql sets :tickets; 600000 of them make some 100 MB with their indexes.
\set ON_ERROR_STOP on
SET ROLE app;
SET synchronous_commit = off;
SELECT setseed(0.2026);

CREATE TABLE stations (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    province text NOT NULL,
    opened date NOT NULL);
INSERT INTO stations
SELECT i, (ARRAY['Mo Chit', 'Ekkamai', 'Sai Tai', 'Arcade', 'Nakhon Chai'])[1 + i % 5] || ' ' || i,
       (ARRAY['Bangkok', 'Chiang Mai', 'Khon Kaen', 'Phuket', 'Surat Thani', 'Nan', 'Trat'])[1 + i % 7],
       date '1985-01-01' + i * 11
FROM generate_series(1, 500) AS i;

CREATE TABLE routes (
    id integer PRIMARY KEY,
    from_station integer NOT NULL REFERENCES stations,
    to_station integer NOT NULL REFERENCES stations,
    distance_km numeric(6, 1) NOT NULL);
INSERT INTO routes
SELECT i, 1 + i % 500, 1 + (i * 7 + 3) % 500, round((20 + random() * 1200)::numeric, 1)
FROM generate_series(1, 2000) AS i;

CREATE TABLE buses (
    id integer PRIMARY KEY,
    plate text NOT NULL UNIQUE,
    seats smallint NOT NULL CHECK (seats > 0),
    features jsonb NOT NULL);
INSERT INTO buses
SELECT i, 'TH-' || lpad(i::text, 5, '0'), 24 + i % 26, jsonb_build_object('wifi', i % 2 = 0, 'toilet', i % 3 = 0)
FROM generate_series(1, 800) AS i;

CREATE TABLE trips (
    id integer PRIMARY KEY,
    route integer NOT NULL REFERENCES routes,
    bus integer NOT NULL REFERENCES buses,
    departs timestamptz NOT NULL);
INSERT INTO trips
SELECT i, 1 + i % 2000, 1 + i % 800, timestamptz '2026-01-01 00:00:00+07' + i * interval '7 minutes'
FROM generate_series(1, :tickets / 20) AS i;
CREATE INDEX trips_departs ON trips (departs);

CREATE SEQUENCE ticket_numbers START 100000;
CREATE TABLE tickets (
    number bigint PRIMARY KEY DEFAULT nextval('ticket_numbers'),
    trip integer NOT NULL REFERENCES trips,
    seat smallint NOT NULL,
    passenger text NOT NULL,
    price numeric(8, 2) NOT NULL,
    sold timestamptz NOT NULL);
INSERT INTO tickets (trip, seat, passenger, price, sold)
SELECT 1 + i % (:tickets / 20), 1 + i / (:tickets / 20), md5(random()::text) || ' ' || md5(i::text),
       round((90 + random() * 1400)::numeric, 2), timestamptz '2025-12-01 00:00:00+07' + i * interval '3 seconds'
FROM generate_series(0, :tickets - 1) AS i;
CREATE INDEX tickets_trip ON tickets (trip, seat);
CREATE INDEX tickets_sold ON tickets (sold);

-- Where a tester's rows go (outage_watch.h); not counted.
CREATE TABLE pulse (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    written timestamptz NOT NULL DEFAULT clock_timestamp());

CREATE VIEW takings AS
SELECT s.province, count(*) AS tickets, sum(t.price) AS baht
FROM tickets t JOIN trips r ON r.id = t.trip JOIN routes u ON u.id = r.route JOIN stations s ON s.id = u.from_station
GROUP BY s.province;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO report;
RESET ROLE;
ANALYZE;
