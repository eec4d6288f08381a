-- Which order: put before both scripts. One to :lines_max lines on different SKUs, ascending.
\set key random(1, 9000000000000000000)
\set customer random(1, 5000)
\set n 1 + :key % :lines_max
\set last :n_skus - 1
\set a random(0, :last / :n)
\set b 0
\set c 0
\if :n > 1
\set b random(1 + :last / :n, 2 * :last / :n)
\endif
\if :n > 2
\set c random(1 + 2 * :last / :n, :last)
\endif
