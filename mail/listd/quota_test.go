package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

const (
	full   = "552 5.2.2 Mailbox is full"
	roomy  = "compta@garrigue.example"
	filled = "contact@garrigue.example"
)

// free leaves so many octets of a mailbox.
func (w *world) free(address string, octets int) {
	w.t.Helper()
	w.Exec(w.t, fmt.Sprintf(`INSERT INTO mailbox_uses (address, bytes) SELECT a.address, a.size_bytes - %d FROM accounts a WHERE a.address = '%s'
		ON CONFLICT (address) DO UPDATE SET bytes = excluded.bytes`, octets, address))
	if w.Int(w.t, fmt.Sprintf("SELECT count(*) FROM mailbox_uses WHERE address = '%s'", address)) != 1 {
		w.t.Fatalf("there is no mailbox %s", address)
	}
}

// redirect has Alice send mail on, "*" for all that nothing else has.
func (w *world) redirect(domain, from string, copied bool, to ...string) {
	w.t.Helper()
	n := models.NewRedirection{Local: from, CatchAll: from == "*", Targets: strings.Join(to, "\n"), KeepCopy: copied}
	if _, err := w.Store.CreateRedirection(w.t.Context(), w.Actor(w.t, cast.Alice), domain, n); err != nil {
		w.t.Fatal(err)
	}
}

// talk is a connection of Postfix's that asks about room.
type talk struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (i *instance) talk() *talk {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.quota)
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = conn.Close() })
	return &talk{i.t, conn, bufio.NewReader(conn)}
}

func (k *talk) asks(state, instance, recipient, size string) string {
	k.t.Helper()
	fmt.Fprintf(k.conn, "request=smtpd_access_policy\nprotocol_state=%s\ninstance=%s\nsender=%s\nrecipient=%s\nsize=%s\n\n", state, instance, outsider, recipient, size)
	line, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	if end, err := k.r.ReadString('\n'); err != nil || end != "\n" {
		k.t.Fatalf("%q %q %v", line, end, err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(line, "action="), "\n")
}

// says fails unless it answers so.
func (k *talk) says(want, state, instance, recipient, size string) {
	k.t.Helper()
	if got := k.asks(state, instance, recipient, size); !strings.HasPrefix(got, want) {
		k.t.Errorf("%s of %s to %q, %s octets: %q, want %q", state, instance, recipient, size, got, want)
	}
}

func TestRoomIsLookedForWhereMailIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const sentOn, copied, both, tight, atelier = "rh@garrigue.example", "direction@garrigue.example", "info@garrigue.example", "accueil@garrigue.example", "atelier@" + cast.Atelier
	for _, address := range []string{filled, sentOn, copied, both, atelier} {
		w.free(address, 0)
	}
	w.free(tight, 5_000_000+grows)
	w.redirect(cast.Garrigue, "rh", false, roomy)
	w.redirect(cast.Garrigue, "direction", true, roomy)
	w.redirect(cast.Garrigue, "info", true, filled)
	w.redirect(cast.Garrigue, "un", false, filled)
	w.redirect(cast.Garrigue, "deux", false, "un+detail@garrigue.example")
	w.redirect(cast.Garrigue, "tous", false, filled, roomy)
	w.redirect(cast.Garrigue, "dehors", false, filled, "someone@else.example")
	w.redirect(cast.Garrigue, "liste", false, filled, team)
	w.redirect(cast.Garrigue, "pleins", false, filled, tight)
	w.redirect(cast.Garrigue, "vers", false, "rien@"+cast.Atelier)
	w.Exec(t, "INSERT INTO mailbox_uses (address, bytes) VALUES ('"+roomy+"', -7)") // Dovecot may be wrong, for a while
	i := w.start()
	k := i.talk()
	for n, c := range []struct{ recipient, size, want string }{
		{filled, "0", full},
		{filled, "", full},
		{filled, "1000", full},
		{"Contact+Factures@Garrigue.Example", "0", full},
		{roomy, "0", "DUNNO"},
		{roomy, "20000000", "DUNNO"},
		{roomy, "9000000000", full},
		{tight, "0", "DUNNO"},
		{tight, "5000000", "DUNNO"},
		{tight, "5000001", full},
		{sentOn, "1000", "DUNNO"},    // sent on without a copy: nothing is kept in it
		{sentOn, "9000000000", full}, // nor where it is sent on to
		{copied, "1000", "DUNNO"},    // the other has it
		{both, "1000", full},         // neither has room
		{"un@garrigue.example", "0", full},
		{"un+x@garrigue.example", "0", full},
		{"deux@garrigue.example", "0", full},
		{"tous@garrigue.example", "1000", "DUNNO"},
		{"dehors@garrigue.example", "9000000000", "DUNNO"},
		{"liste@garrigue.example", "9000000000", "DUNNO"},
		{"pleins@garrigue.example", "1000", "DUNNO"},
		{"pleins@garrigue.example", "5000001", full},
		{"rien@" + cast.Atelier, "0", full}, // by the catch-all
		{"rien+x@" + cast.Atelier, "0", full},
		{"vers@garrigue.example", "0", full},
		{team, "9000000000", "DUNNO"},
		{"ancien.cabinet@garrigue.example", "9000000000", "DUNNO"}, // it only answers
		{"contact+bounces-" + strings.Repeat("a", 26) + "@garrigue.example", "0", "DUNNO"},
		{"1-" + strings.Repeat("a", 32) + "@forward.invalid", "0", "DUNNO"},
		{"nobody@garrigue.example", "0", "DUNNO"}, // Postfix says that there is nobody
		{"someone@else.example", "0", "DUNNO"},
		{"x' OR '1'='1", "0", "DUNNO"},
		{"@garrigue.example", "0", "DUNNO"},
		{"+@garrigue.example", "0", "DUNNO"},
		{"\x00\xff@garrigue.example", "0", "DUNNO"},
		{"", "0", "DUNNO"},
	} {
		k.says(c.want, "RCPT", fmt.Sprint(n), c.recipient, c.size)
	}
	for _, state := range []string{"CONNECT", "EHLO", "MAIL", "DATA", "VRFY", ""} {
		k.says("DUNNO", state, "a", filled, "1000")
	}
	// What counts is what Dovecot told last, and how large the panel says.
	w.free(filled, 10_000)
	k.says("DUNNO", "RCPT", "later", filled, "1000")
	w.free(filled, 0)
	w.Exec(t, "UPDATE accounts SET size_bytes = size_bytes + 1000000 WHERE address = '"+filled+"'")
	k.says("DUNNO", "RCPT", "larger", filled, "1000")
}

func TestTheTrueSizeIsAskedAboutForAllRecipientsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tight = "accueil@garrigue.example"
	w.free(filled, 0)
	w.free(tight, 5_000_000+grows)
	k := w.start().talk()

	k.says("DUNNO", "RCPT", "1.1", tight, "0")
	k.says("DUNNO", "END-OF-MESSAGE", "1.1", tight, "5000000")
	k.says("DUNNO", "RCPT", "1.2", tight, "0")
	k.says(full, "END-OF-MESSAGE", "1.2", tight, "5000001")
	k.says("DUNNO", "RCPT", "1.3", tight, "1000") // it announced less than there is
	k.says(full, "END-OF-MESSAGE", "1.3", tight, "5000001")

	k.says("DUNNO", "RCPT", "2", tight, "0")
	k.says(full, "RCPT", "2", filled, "0")
	k.says(full, "END-OF-MESSAGE", "2", "", "6000000")
	// One who has room has the message.
	k.says("DUNNO", "RCPT", "3", roomy, "0")
	k.says("DUNNO", "RCPT", "3", tight, "0")
	k.says("DUNNO", "END-OF-MESSAGE", "3", "", "6000000")
	k.says("DUNNO", "RCPT", "4", tight, "0")
	k.says("DUNNO", "RCPT", "4", team, "0")
	k.says("DUNNO", "END-OF-MESSAGE", "4", "", "9000000000")
	// The one before is forgotten.
	k.says("DUNNO", "RCPT", "5", tight, "0")
	k.says(full, "END-OF-MESSAGE", "5", "", "6000000")
	// Who was refused is none of the recipients.
	k.says(full, "RCPT", "6", roomy, "9000000000")
	k.says("DUNNO", "RCPT", "6", tight, "0")
	k.says(full, "END-OF-MESSAGE", "6", "", "6000000")
}

func TestAMessageThatIsNotKnownIsAskedAboutByItsOnlyRecipient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.free(filled, 0)
	i := w.start()
	k := i.talk()
	k.says(full, "END-OF-MESSAGE", "1", filled, "1000")
	k.says("DUNNO", "END-OF-MESSAGE", "2", roomy, "1000")
	k.says("DUNNO", "END-OF-MESSAGE", "3", "", "9000000000")
	k.says("DUNNO", "END-OF-MESSAGE", "", "", "9000000000")
	k.says("DUNNO", "RCPT", "4", roomy, "0")
	other := i.talk() // of another message: neither knows the other's
	other.says("DUNNO", "END-OF-MESSAGE", "4", "", "9000000000")
	other.says(full, "END-OF-MESSAGE", "4", roomy, "9000000000")
}

// One number is kept of a message, however many recipients it has.
func TestManyRecipientsAreOneNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.free(filled, 0)
	s := w.start()
	k := &quotaTalk{s: s.service}
	for n := range 2000 {
		request := map[string]string{"protocol_state": "RCPT", "instance": "1", "size": "0", "recipient": []string{roomy, filled}[n%2]}
		if got, want := k.action(t.Context(), request), []string{"DUNNO", full}[n%2]; got != want {
			t.Fatalf("recipient %d: %q", n, got)
		}
	}
	if got, err := s.room(t.Context(), roomy); err != nil || *k != (quotaTalk{s.service, "1", got}) {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestWithoutADatabaseNobodyIsRefusedForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.free(filled, 10_000)
	i := w.start()
	k := i.talk()
	k.says("DUNNO", "RCPT", "1", filled, "0")
	i.db.Close()
	k.says(full, "END-OF-MESSAGE", "1", filled, "20000") // found out before
	k.says("DEFER_IF_PERMIT 4.3.0 ", "END-OF-MESSAGE", "2", filled, "20000")
	k.says("DEFER_IF_PERMIT 4.3.0 ", "RCPT", "3", filled, "0")
	k.says("DUNNO", "END-OF-MESSAGE", "3", "", "20000")
	k.says("DUNNO", "RCPT", "4", "no mailbox of ours", "0")
}

// At 20,000 accounts the question touches what it is about and no more.
func TestTheQuestionAboutRoomReadsNoWholeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, q := range []string{
		`SET session_replication_role = replica`, // without triggers and references, for speed
		`INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
			SELECT 'zz' || n || '.example', s.owner_id, 100, 1000000000000, 5000000000, now() FROM generate_series(1, 2000) n, services s WHERE s.domain = 'garrigue.example'`,
		`INSERT INTO accounts (service_id, local_part, address, description, size_bytes, created_at)
			SELECT s.id, 'person' || n, 'person' || n || '@' || s.domain, '', 1000000000, now() FROM generate_series(1, 10) n, services s WHERE s.domain LIKE 'zz%'`,
		`INSERT INTO mailbox_uses (address, bytes) SELECT a.address, 1000 FROM accounts a WHERE a.local_part LIKE 'person%'`,
		`INSERT INTO redirections (service_id, local_part, address, keep_copy, created_at)
			SELECT s.id, CASE WHEN n > 0 THEN 'alias' || n ELSE '' END, CASE WHEN n > 0 THEN 'alias' || n ELSE '' END || '@' || s.domain, false, now() FROM generate_series(0, 5) n, services s WHERE s.domain LIKE 'zz%'`,
		`INSERT INTO redirection_targets (redirection_id, target, outside)
			SELECT r.id, 'person' || n || '@' || s.domain, false FROM generate_series(1, 2) n, redirections r JOIN services s ON s.id = r.service_id WHERE s.domain LIKE 'zz%'`,
		`INSERT INTO responders (service_id, local_part, address, subject, content, days, created_at)
			SELECT s.id, 'away' || n, 'away' || n || '@' || s.domain, '', '', 1, now() FROM generate_series(1, 3) n, services s WHERE s.domain LIKE 'zz%'`,
		`INSERT INTO lists (service_id, local_part, address, owner_email, reply_to, language, posting, created_at)
			SELECT s.id, 'list' || n, 'list' || n || '@' || s.domain, 'a@b.example', 'list', 'en', 'everyone', now() FROM generate_series(1, 3) n, services s WHERE s.domain LIKE 'zz%'`,
		`SET session_replication_role = origin`,
		`VACUUM ANALYZE`,
	} {
		w.Exec(t, q)
	}
	conn, err := pgx.Connect(t.Context(), w.config.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		if _, err := conn.Exec(t.Context(), "SET plan_cache_mode = "+mode); err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"person7@zz7.example", "alias3@zz70.example", "nobody@zz700.example"} {
			rows, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+roomQuery, address)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") {
				t.Errorf("%s (%s) reads a whole table:\n%s", address, mode, text)
			}
			t.Log(address, mode, plan[len(plan)-1])
		}
	}
}

func FuzzKept(f *testing.F) {
	for _, address := range []string{"a@b.example", "A+b+c@B.example", "+@b.example", "a@b@c.example", "a+bounces-" + "aaaaaaaaaaaaaaaaaaaaaaaaaa@b.example", "é@b.example", "@"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		base, ok := kept(address)
		if !ok {
			return
		}
		if again, ok := kept(base); !ok || again != base || strings.Contains(base, "+") || strings.ToLower(base) != base || strings.Count(base, "@") != 1 {
			t.Errorf("%q is kept as %q, that as %q", address, base, again)
		}
	})
}
