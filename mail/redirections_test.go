package mail_test

import (
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

func TestRedirectionsWithAndWithoutCopy(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, target := o.mailbox(t, "but")
	kept, keptAddress := o.mailbox(t, "garde")
	gone, goneAddress := o.mailbox(t, "passe-tout")
	redirect := func(from, copied string, to ...string) time.Time {
		fields := []string{"kind", "address", "from", from, "to", strings.Join(to, "\n")}
		if copied != "" {
			fields = append(fields, "keep_copy", copied)
		} else {
			fields = append(fields, "keep_copy", "")
		}
		done, _ := o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", fields...)
		return done
	}
	alias := fresh("alias")
	done := redirect(alias, "", target)
	if err := o.receive(alias+"@"+cast.Garrigue, "to the alias"); err != nil {
		t.Fatal(err)
	}
	o.got(t, target, "INBOX", "to the alias")
	took.note("alias leads on", done)
	if err := o.Submit(target, password, alias+"@"+cast.Garrigue, "out@elsewhere.test", mailtest.Message(alias+"@"+cast.Garrigue, "out@elsewhere.test", "as "+alias)); err != nil {
		t.Errorf("its mailbox may not send as the alias: %v", err)
	}
	redirect(kept, "on", target)
	redirect(gone, "", target)
	for _, c := range []struct{ to, subject string }{{keptAddress, "with a copy"}, {goneAddress, "without a copy"}} {
		if err := o.receive(c.to, c.subject); err != nil {
			t.Fatal(err)
		}
		o.got(t, target, "INBOX", c.subject)
	}
	o.got(t, keptAddress, "INBOX", "with a copy")
	if list := o.Folder(t, goneAddress, password, "INBOX"); len(list) != 0 {
		t.Errorf("it keeps %v", list)
	}

	if err := o.Submit(target, password, keptAddress, "out@elsewhere.test", mailtest.Message(keptAddress, "out@elsewhere.test", "as another account")); mailtest.Code(err) != 553 {
		t.Errorf("a mailbox sends as the account that is redirected to it: %v", err)
	}
	// A target that is blocked is no target; nothing is left of the alias then.
	o.Do(t, on(strings.TrimSuffix(target, "@"+cast.Garrigue)), on(strings.TrimSuffix(target, "@"+cast.Garrigue), "block"))
	if err := o.receive(alias+"@"+cast.Garrigue, "to nobody"); mailtest.Code(err) != 550 {
		t.Errorf("an alias to a blocked mailbox takes mail: %v", err)
	}
}

func TestTheCatchAllTakesWhatNothingElseHas(t *testing.T) {
	t.Parallel()
	o := alice(t)
	const atelier = "/services/" + cast.Atelier
	o.Do(t, atelier+"/emails/atelier/password", atelier+"/emails/atelier/password", "password", password, "password_again", password)
	address := "atelier@" + cast.Atelier
	nobody := func(subject string) {
		t.Helper()
		if err := o.receive(fresh("nobody")+"@"+cast.Atelier, subject); err != nil {
			t.Fatal(err)
		}
	}
	nobody("to nobody")
	o.got(t, address, "INBOX", "to nobody")
	local := fresh("somebody")
	o.Do(t, atelier+"/new-email", atelier+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	if err := o.receive(local+"@"+cast.Atelier, "to somebody"); err != nil {
		t.Fatal(err)
	}
	o.got(t, local+"@"+cast.Atelier, "INBOX", "to somebody")

	// It is changed, taken away and made anew.
	heir := fresh("heir")
	o.Do(t, atelier+"/new-email", atelier+"/emails", "local", heir, "size_gb", "1", "password", password, "password_again", password)
	page := func() string {
		t.Helper()
		path, there := o.Get(t, atelier+"/redirections").Find("a.address:contains('*@')").Attr("href")
		if !there {
			t.Fatal("the catch-all is not in the list")
		}
		return path
	}
	done, _ := o.Do(t, page(), page(), "to", heir+"@"+cast.Atelier)
	nobody("to the heir of nobody")
	o.got(t, heir+"@"+cast.Atelier, "INBOX", "to the heir of nobody")
	took.note("catch-all that was changed takes mail", done)
	o.Do(t, page(), page()+"/deletion")
	if err := o.receive(fresh("nobody")+"@"+cast.Atelier, "to nobody at all"); mailtest.Code(err) != 550 {
		t.Errorf("without a catch-all everybody exists: %v", err)
	}
	done, _ = o.Do(t, atelier+"/redirections/new", atelier+"/redirections", "kind", "all", "from", "", "to", heir+"@"+cast.Atelier, "keep_copy", "")
	nobody("to nobody anew")
	o.got(t, heir+"@"+cast.Atelier, "INBOX", "to nobody anew")
	took.note("catch-all takes mail", done)
	alias := fresh("alias")
	o.Do(t, atelier+"/redirections/new", atelier+"/redirections", "kind", "address", "from", alias, "to", local+"@"+cast.Atelier, "keep_copy", "")
	o.Do(t, atelier+"/emails/"+local, atelier+"/emails/"+local+"/block")
	if err := o.receive(alias+"@"+cast.Atelier, "to nobody any more"); mailtest.Code(err) != 550 {
		t.Errorf("an alias that leads nowhere falls to the catch-all: %v", err)
	}
	for _, local := range []string{"atelier", heir} {
		for _, m := range o.Folder(t, local+"@"+cast.Atelier, password, "INBOX") {
			if !strings.HasPrefix(m.Subject, "to nobody") && m.Subject != "to the heir of nobody" || m.Subject == "to nobody any more" {
				t.Errorf("the catch-all takes %q", m.Subject)
			}
		}
	}
}

func TestASubAddressReachesItsMailbox(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("detail")
	address := local + "@" + cast.Garrigue
	done, _ := o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	if err := o.receive(local+"+factures@"+cast.Garrigue, "with a detail"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "with a detail")
	took.note("sub-address of a new account reaches it", done)
}
