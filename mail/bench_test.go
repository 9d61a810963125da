package mail_test

import (
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// BenchmarkEffects is the time from the panel's answer (303) to the effect, in
// milliseconds: the target is under 1000, and 5000 for live sessions.
func BenchmarkEffects(b *testing.B) {
	o := alice(b)
	measure := func(name string, change func(b *testing.B) (done time.Time, seen func() bool)) {
		b.Run(name, func(b *testing.B) {
			var total time.Duration
			for range b.N {
				done, seen := change(b)
				for !seen() {
					if time.Since(done) > recovery {
						b.Fatal("no effect")
					}
				}
				total += time.Since(done)
			}
			b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/effect")
			b.ReportMetric(0, "ns/op") // the pages before it are not what is measured
		})
	}
	in := func(address, folder, subject string) func() bool {
		return func() bool {
			for _, m := range o.Folder(b, address, password, folder) {
				if m.Subject == subject {
					return true
				}
			}
			return false
		}
	}
	send := func(b *testing.B, address, subject string) {
		b.Helper()
		if err := o.receive(address, subject); err != nil {
			b.Fatal(err)
		}
	}
	measure("account", func(b *testing.B) (time.Time, func() bool) {
		local := fresh("bench")
		address := local + "@" + cast.Garrigue
		done, _ := o.Do(b, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
		send(b, address, "first")
		return done, in(address, "INBOX", "first")
	})
	measure("block", func(b *testing.B) (time.Time, func() bool) {
		local, address := o.mailbox(b, "bench")
		done, _ := o.Do(b, on(local), on(local, "block"))
		return done, func() bool { return mailtest.Code(o.receive(address, "no")) == 550 }
	})
	measure("live session", func(b *testing.B) (time.Time, func() bool) {
		local, address := o.mailbox(b, "bench")
		session, err := o.IMAP(address, password)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = session.Close() })
		done, _ := o.Do(b, on(local), on(local, "block"))
		return done, session.Ended
	})
	measure("filter", func(b *testing.B) (time.Time, func() bool) {
		local, address := o.mailbox(b, "bench")
		done := o.filter(b, local, "[bench]", "folder", "Bench")
		send(b, address, "[bench] one")
		return done, in(address, "Bench", "[bench] one")
	})
	measure("responder", func(b *testing.B) (time.Time, func() bool) {
		local, address := o.mailbox(b, "bench")
		writer := fresh("writer") + "@elsewhere.test"
		done, _ := o.Do(b, on(local, "responder"), on(local, "responder"), "subject", "Away", "content", "Away.", "days", "1")
		if err := o.Send(writer, address, mailtest.Message(writer, address, "hello")); err != nil {
			b.Fatal(err)
		}
		return done, func() bool { return len(o.Outside.To(writer)) > 0 }
	})
	_, target := o.mailbox(b, "bench")
	measure("redirection", func(b *testing.B) (time.Time, func() bool) {
		alias := fresh("bench-alias")
		done, _ := o.Do(b, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", alias, "to", target, "keep_copy", "")
		send(b, alias+"@"+cast.Garrigue, alias)
		return done, in(target, "INBOX", alias)
	})
	measure("redirection outside", func(b *testing.B) (time.Time, func() bool) {
		alias, away := fresh("bench-alias"), fresh("away")+"@elsewhere.test"
		done, _ := o.Do(b, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", alias, "to", away, "keep_copy", "")
		send(b, alias+"@"+cast.Garrigue, alias)
		return done, func() bool { return len(o.Outside.To(away)) > 0 }
	})
	measure("list", func(b *testing.B) (time.Time, func() bool) {
		_, address := o.mailingList(b, "everyone", "list", target)
		done := time.Now()
		send(b, address, address)
		return done, in(target, "INBOX", address)
	})
}
