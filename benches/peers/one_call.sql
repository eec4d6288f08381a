-- An order as one call.
\if :n = 1
select place_order(:key, :customer, array[:a::int], array[1], 2080,
    '{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}');
\elif :n = 2
select place_order(:key, :customer, array[:a::int, :b::int], array[1, 2], 5200,
    '{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}');
\else
select place_order(:key, :customer, array[:a::int, :b::int, :c::int], array[1, 2, 1], 7300,
    '{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}');
\endif
