package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"example.org/mandat/models/modelstest"
)

// report is a notice of delivery as Postfix writes it.
func report(action, status string) string {
	return fmt.Sprintf(`Received: by mx.else.example id %d
From: MAILER-DAEMON@mx.else.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="B.1/mx.else.example"

This is a MIME-encapsulated message.

--B.1/mx.else.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.else.example.

--B.1/mx.else.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.else.example
X-Postfix-Queue-ID: B

Final-Recipient: rfc822; alice@else.example
Action: %s
Status: %s
Diagnostic-Code: smtp; 550 %[3]s User unknown
 in virtual table

--B.1/mx.else.example
Content-Type: message/rfc822

Subject: the message

--B.1/mx.else.example--
`, trace.Add(1), action, status)
}

func TestMailThatComesBackIsCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	i.takes(member1, team, letterFrom(member1, "a"))
	w.settled()
	// As Postfix rewrites it, and as the address itself is.
	back := func(who string) string {
		from := w.sink.to(who)[0].from
		_, token, _ := strings.Cut(from, "+bounces-")
		return "bounces-" + strings.ToUpper(token[:26]) + "@forward.invalid"
	}
	bruno := "bruno.carrel@garrigue.example"
	i.takes("", back(member1), report("delayed", "4.4.1"))
	i.takes("", back(member1), report("delivered", "2.0.0"))
	i.takes("", back(member1), letterFrom(member1, "away", "Auto-Submitted: auto-replied"))
	i.takes(member1, back(member1), letterFrom(member1, "away, by an old program"))
	w.asks()
	for range 2 {
		i.takes("", back(member1), report("failed", "5.1.1"))
		i.takes("", w.sink.to(bruno)[0].from, report("FAILED", "4.4.1 (given up)"))
	}
	w.asks("bounced "+member1+" "+team, "bounced "+bruno+" "+team)
	i.takes("", back("camille.dufour@garrigue.example"), report("failed", "5.7.1"))
	i.takes("", back("elise.faure@garrigue.example"), report("failed", "5.3.4"))
	w.asks("bounced "+member1+" "+team, "bounced "+bruno+" "+team)
	i.takes("", back("david@nguyen-velos.example"), letterFrom("MAILER-DAEMON@old.example", "failure notice"))
	w.asks("bounced "+member1+" "+team, "bounced "+bruno+" "+team, "bounced david@nguyen-velos.example "+team)
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'bounced'"); n != 5 {
		t.Errorf("%d deliveries came back, want 5", n)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE answer LIKE '5.1.1 550 5.1.1 User unknown%'"); n != 1 {
		t.Error("what the server said is not kept")
	}
	i.refuses(550, "", "bounces-"+strings.Repeat("a", 26)+"@forward.invalid", report("failed", "5.1.1"))
}

func TestTheAuthorOfAForwardedMessageLearnsThatItCameBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	var way string
	if err := w.SQL.QueryRowContext(t.Context(), "SELECT destination FROM mta.aliases WHERE address = 'gilles.hamon@garrigue.example'").Scan(&way); err != nil {
		t.Fatal(err)
	}
	const target = "hamon@ancien-cabinet.example"
	i.takes(outsider, way, letterFrom(outsider, "a"))
	came := report("failed", "5.1.1")
	from := w.sink.await(t, target, 1).from
	w.settled()
	i.takes("", from, came)
	i.takes("", from, came)
	g := w.sink.await(t, outsider, 1)
	if g.from != "" || g.data != strings.ReplaceAll(came, "\n", "\r\n") {
		t.Errorf("from %q:\n%s", g.from, g.data)
	}
	// Refused by Postfix at once: the notice is ours.
	w.sink.refuses(target, &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"})
	i.takes(outsider, way, letterFrom(outsider, "b"))
	g = w.sink.await(t, outsider, 2)
	o := outcomeOf(&letter{content: []byte(g.data), header: g.header()})
	if g.from != "" || !o.failed || o.status != "5.1.1" || !strings.Contains(g.data, "Subject: b\r\n") || g.header().get("auto-submitted") != "auto-replied" {
		t.Errorf("from %q, %+v:\n%s", g.from, o, g.data)
	}
	// A notice of delivery has nobody to be sent back to.
	i.takes("", way, letterFrom(outsider, "c"))
	w.settled()
	if n := w.sink.count(); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
	w.asks()
}

func TestARefusalIsCountedUnlessItIsAboutTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	w.sink.refuses(member1, &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "gone"})
	w.sink.refuses("bruno.carrel@garrigue.example", &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"})
	w.sink.refuses("camille.dufour@garrigue.example", &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "full"})
	i.takes(member1, team, letterFrom(member1, "a"))
	modelstest.Await(t, patience, "what can go out goes out", func() bool {
		return w.sink.count() == 3 && w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'waiting' AND attempts > 0 AND answer LIKE '452 4.2.2%'") == 1
	})
	w.asks("bounced " + member1 + " " + team)
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'failed'"); n != 2 {
		t.Errorf("%d failed, want 2", n)
	}
	w.sink.refuses("camille.dufour@garrigue.example", nil)
	w.Exec(t, "UPDATE list_deliveries SET next_at = now() WHERE state = 'waiting'")
	i.wakeAll()
	w.sink.await(t, "camille.dufour@garrigue.example", 1)
	w.settled()
	w.Exec(t, "UPDATE list_deliveries SET state = 'waiting', attempts = $1, next_at = now() + interval '1 hour'", maxAttempts)
}

// What servers write that something did not arrive, cut to what counts.
func TestNoticesOfManyServers(t *testing.T) {
	for name, c := range map[string]struct {
		sender, content string
		want            outcome
	}{
		"Exim": {"", `Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=1448-eximdsn-8
MIME-Version: 1.0
From: Mail Delivery System <Mailer-Daemon@exim.example>
Subject: Mail delivery failed: returning message to sender

--1448-eximdsn-8
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1448-eximdsn-8
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example

Action: failed
Final-Recipient: rfc822;reader@exim.example
Status: 5.0.0
Remote-MTA: dns; mx.exim.example
Diagnostic-Code: smtp; 550 No such person

--1448-eximdsn-8--
`, outcome{true, "5.0.0", "550 No such person"}},
		"Exchange": {"", `From: postmaster@exchange.example
Content-Type: multipart/report; report-type=delivery-status;
	boundary="_mixed_"
Subject: =?utf-8?q?Non_remis=C2=A0: bonjour?=
Auto-Submitted: auto-replied

--_mixed_
Content-Type: multipart/alternative; boundary="_alt_"

--_alt_
Content-Type: text/plain; charset="nowhere-1"
Content-Transfer-Encoding: quoted-printable

Votre message =E0

--_alt_
Content-Type: text/html

<p>

--_alt_--

--_mixed_
Content-Type: message/delivery-status

Reporting-MTA: dns;exchange.example
Received-From-MTA: dns;mx.example
Arrival-Date: Fri, 27 Nov 2026 14:02:00 +0000

Final-Recipient: rfc822;reader@exchange.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient
a line that should have been folded
X-Display-Name: Reader

--_mixed_
Content-Type: message/rfc822

Subject: bonjour

--_mixed_--
`, outcome{true, "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient"}},
		"a line before Action that is no field": {"", `Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; x


what is this
Action: Failed (permanently)
Status: 5.2.2 (mailbox full)
--b--
`, outcome{true, "5.2.2", ""}},
		"a delay": {"", `Content-Type: multipart/report; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com

Final-Recipient: rfc822; reader@gmail.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; The recipient server did not accept our requests to connect.
Will-Retry-Until: Sun, 29 Nov 2026 00:00:00 -0800 (PST)
--b--
`, outcome{}},
		"qmail":                        {"", "From: MAILER-DAEMON@qmail.example\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n<reader@qmail.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n", outcome{true, "5.0.0", ""}},
		"a header that cannot be read": {"", "From MAILER-DAEMON Fri Nov 27\nSubject: failure\n\nno such user\n", outcome{true, "5.0.0", ""}},
		"somebody away":                {"", "Auto-Submitted: auto-replied (vacation)\nSubject: away\n\nuntil Monday\n", outcome{}},
		"somebody away, by an old one": {"", "X-Autoreply: yes\nSubject: away\n\nuntil Monday\n", outcome{}},
		"a person":                     {"a@b.example", "Subject: what is this\n\nwho are you?\n", outcome{}},
		"a receipt": {"", `Content-Type: multipart/report; report-type=disposition-notification; boundary=b
Auto-Submitted: auto-replied

--b
Content-Type: message/disposition-notification

Disposition: manual-action/MDN-sent-manually; displayed
--b--
`, outcome{}},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			content := []byte(strings.ReplaceAll(c.content, "\n", end))
			if got := outcomeOf(&letter{sender: c.sender, content: content, header: splitHeader(content)}); got != c.want {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	}
}

func FuzzOutcome(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(report("failed", "5.1.1"), "\n", "\r\n")))
	f.Add([]byte(report("delayed", "4.4.1")))
	f.Add([]byte("Subject: x\n\nbody"))
	f.Add([]byte("Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/delivery-status\n\nA: b\n\nAction: failed\nStatus: \xff\n--a--"))
	f.Fuzz(func(t *testing.T, content []byte) {
		o := outcomeOf(&letter{sender: "a@b.example", content: content, header: splitHeader(content)})
		if o.failed != (o.status != "") || o.failed && !statusShape.MatchString(o.status) {
			t.Errorf("%+v", o)
		}
		if strings.ContainsAny(o.answer(), "\r\n\x00") {
			t.Errorf("%q", o.answer())
		}
		_ = excerpt(content)
	})
}
