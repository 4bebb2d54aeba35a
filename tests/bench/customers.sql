-- The half that is like an application's tables: names, addresses, timestamps, jsonb, and four payments a customer. About
-- 1,000 bytes a customer with payments and indexes. Variables: first, last (identifiers).
SELECT setseed(0.42);

INSERT INTO customers
SELECT i, first_name || ' ' || last_name, lower(first_name || '.' || last_name) || i || '@' || domain,
       (90000 + random() * 9999)::int || ' ' || city, '+7 9' || lpad((random() * 999999999)::bigint::text, 9, '0'),
       registered, registered + random() * interval '300 days',
       jsonb_build_object('language', (ARRAY['en', 'ru', 'de', 'th'])[1 + i % 4], 'newsletter', random() < 0.3,
                          'visits', (random() * 500)::int, 'tags', jsonb_build_array(city, domain, (random() * 99)::int),
                          'device', jsonb_build_object('os', (ARRAY['android', 'ios', 'linux'])[1 + i % 3],
                                                       'seen', registered + random() * interval '90 days'))
  FROM (SELECT i,
               (ARRAY['Anna', 'Boris', 'Clara', 'Dmitry', 'Elena', 'Fedor', 'Greta', 'Hugo', 'Irina', 'Jonas', 'Katya',
                      'Lev', 'Maria', 'Nikolai', 'Olga', 'Pavel'])[1 + floor(random() * 16)::int] AS first_name,
               (ARRAY['Adler', 'Bauer', 'Cohen', 'Dahl', 'Evans', 'Fisher', 'Gruber', 'Haas', 'Ivanov', 'Jansen', 'Keller',
                      'Lang', 'Meyer', 'Novak', 'Orlov', 'Petrov'])[1 + floor(random() * 16)::int] AS last_name,
               (ARRAY['Berlin', 'Bangkok', 'Helsinki', 'Kazan', 'London', 'Madrid', 'Oslo', 'Prague'])
                 [1 + floor(random() * 8)::int] AS city,
               (ARRAY['example.com', 'example.net', 'example.org', 'mail.example'])[1 + floor(random() * 4)::int] AS domain,
               timestamptz '2019-01-01 UTC' + random() * interval '5 years' AS registered
          FROM generate_series(:first::bigint, :last::bigint) i) AS drawn;

INSERT INTO payments
SELECT i, 1 + (i - 1) / 4, (random() * 100000)::numeric(12, 2),
       (ARRAY['new', 'paid', 'paid', 'paid', 'refused', 'refunded'])[1 + floor(random() * 6)::int],
       timestamptz '2019-01-01 UTC' + random() * interval '5 years',
       'order ' || (random() * 1000000)::int || ', item ' || (random() * 5000)::int
  FROM generate_series((:first - 1)::bigint * 4 + 1, :last::bigint * 4) i;
