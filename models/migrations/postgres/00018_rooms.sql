-- +goose Up
-- The list service tells Postfix whether a message finds room where it would be
-- kept: it follows the ways that Postfix is about to take, out of the very view
-- that Postfix reads.

-- One step of the way of a message, by addresses without details, which no
-- address of the panel's has. It ends at a mailbox, at what only answers, at a
-- list, and where it leaves the installation.
CREATE VIEW mlist.ways AS
  SELECT a.address, CASE WHEN strpos(a.destination, '+') > 1 THEN split_part(a.destination, '+', 1) || '@' || split_part(a.destination, '@', 2) ELSE a.destination END AS destination,
         a.destination = a.address OR a.destination LIKE '%@forward.invalid' AS ends
    FROM mta.aliases a;

-- What keeps mail, and how many octets more; Dovecot tells what is in use.
CREATE VIEW mlist.mailboxes AS
  SELECT a.address, a.size_bytes - greatest(COALESCE(u.bytes, 0), 0) AS free_bytes FROM accounts a LEFT JOIN mailbox_uses u ON u.address = a.address;

SELECT grant_mail_roles();
