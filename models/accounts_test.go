package models_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// Every verb on accounts by every kind of person: the rows of the permission table.
func TestWhoMayDoWhatToAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Bruno may set passwords of the whole service and Chloe that of contact@; these two may not.
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		frida := w.customer(t, "fr1006-mdt")
		w.delegate(t, w.Alice, cast.Garrigue, "contact", "fr1006-mdt", 0, nil)
		stranger := w.customer(t, "st1007-mdt")

		const (
			create = iota
			createWithPassword
			describe
			resize
			password
			block
			unblock
			deletion
			verbs
		)
		names := [verbs]string{"create", "create with a password", "describe", "resize", "set the password", "block", "unblock", "delete"}
		n := 0
		try := func(verb int, by models.Actor, local string) error {
			n++
			ctx, fresh := t.Context(), fmt.Sprintf("fresh%d", n)
			switch verb {
			case create, createWithPassword:
				a := models.NewAccount{Local: fresh}
				if verb == createWithPassword {
					a.Password = goodPassword
				}
				_, err := w.Store.CreateAccount(ctx, by, cast.Garrigue, a)
				return err
			case describe:
				return w.describe(t, by, cast.Garrigue, local, fresh)
			case resize:
				size := int64(models.GB + n)
				return w.Store.ChangeAccount(ctx, by, cast.Garrigue, local, models.AccountSettings{SizeBytes: &size, Version: w.version(t, cast.Garrigue, local)})
			case password:
				return w.Store.SetAccountPassword(ctx, by, cast.Garrigue, local, goodPassword)
			case block:
				return w.Store.BlockAccount(ctx, by, cast.Garrigue, local)
			case unblock:
				return w.Store.UnblockAccount(ctx, by, cast.Garrigue, local)
			default: // the wrong confirmation, so that the account is there for the next
				return w.Store.DeleteAccount(ctx, by, cast.Garrigue, local, "else")
			}
		}
		yes := done
		noCreate, noSize, noPassword, noDeletion := forbidden(policy.CreateAccount), forbidden(policy.LimitAccount), forbidden(policy.SetPassword), forbidden(policy.DeleteAccount)
		asked := "confirm: account.confirm.differs" // may, had they confirmed
		all := [verbs]string{yes, yes, yes, yes, yes, yes, yes, asked}
		service := all
		service[createWithPassword], service[password] = noPassword, noPassword
		account := [verbs]string{noCreate, noCreate, yes, noSize, yes, noSize, noSize, noDeletion}
		noKey := account
		noKey[password] = noPassword
		var nothing, elsewhere, absent [verbs]string
		for i := range nothing {
			nothing[i], elsewhere[i], absent[i] = notFound, notFound, notFound
		}
		absent[create], absent[createWithPassword] = yes, yes
		elsewhere[create], elsewhere[createWithPassword] = noCreate, noCreate
		for _, c := range []struct {
			who   string
			by    models.Actor
			local string
			want  [verbs]string
		}{
			{"the owner", w.Alice, "contact", all},
			{"a service delegate", w.Bruno, "contact", all},
			{"a service delegate without the password extra", w.Emma, "contact", service},
			{"an account delegate", w.Chloe, "contact", account},
			{"an account delegate without the password extra", frida, "contact", noKey},
			{"an account delegate, another account", frida, "rh", elsewhere},
			{"the owner of another service", w.David, "contact", nothing},
			{"a stranger", stranger, "contact", nothing},
			{"nobody", models.Actor{}, "contact", nothing},
			{"the owner, an account that is not there", w.Alice, "missing", absent},
			{"a service delegate, an account that is not there", w.Bruno, "missing", absent},
		} {
			for verb := range verbs {
				want(t, c.who+": "+names[verb], try(verb, c.by, c.local), c.want[verb])
			}
		}
	})
}

func TestARefusalNamesWhoCanGiveTheRight(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		err := w.Store.DeleteAccount(t.Context(), w.Chloe, cast.Garrigue, "contact", "contact")
		if f, ok := err.(models.Forbidden); !ok || f.Owner != cast.Alice || f.Operation != policy.DeleteAccount {
			t.Errorf("%#v, want the owner's identifier", err)
		}
	})
}

func TestAnAccountIsMadeAsTyped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		a := got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Bruno, cast.Garrigue,
			models.NewAccount{Local: " Lea.Durand ", Description: "  Léa \t Durand\x00\n ", SizeBytes: 3 * models.GB, Password: goodPassword}))
		if a.ID == 0 || a.LocalPart != "lea.durand" || a.Address != "lea.durand@garrigue.example" || a.Description != "Léa Durand" || a.SizeBytes != 3*models.GB || !a.HasPassword || a.Version != 1 {
			t.Errorf("made %+v", a)
		}
		read := w.account(t, w.Alice, cast.Garrigue, "lea.durand").Account
		if read.ID != a.ID || read.Address != a.Address || read.Description != a.Description || read.SizeBytes != a.SizeBytes || read.State != models.AccountActive ||
			!read.HasPassword || read.PasswordSetAt == nil || !read.CreatedAt.Equal(a.CreatedAt) || read.Version != 1 || read.UsedBytes != 0 {
			t.Errorf("reads %+v, made %+v", read, a)
		}
		w.wantTold(t, "bm1002-mdt account.created lea.durand@garrigue.example")
		if by := w.Int(t, "SELECT created_by FROM accounts WHERE address = 'lea.durand@garrigue.example'"); int64(by) != w.Bruno.Customer {
			t.Errorf("created by %d, want Bruno", by)
		}

		bare := got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "bare"}))
		if bare.HasPassword || bare.SizeBytes != models.DefaultMaxAccountBytes {
			t.Errorf("without size and password: %+v", bare)
		}
		if read := w.account(t, w.Alice, cast.Garrigue, "bare").Account; read.HasPassword || read.PasswordSetAt != nil {
			t.Errorf("somebody could sign in: %+v", read)
		}
	})
}

func TestAMailboxPasswordIsKeptAsDovecotReadsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		must(t, w.Store.SetAccountPassword(t.Context(), w.Chloe, cast.Garrigue, "contact", goodPassword))
		w.wantTold(t, "cl1003-mdt account.password_set contact@garrigue.example")
		var hash string
		must(t, w.SQL.QueryRowContext(t.Context(), "SELECT password_hash FROM accounts WHERE address = 'contact@garrigue.example'").Scan(&hash))
		encoded, ok := strings.CutPrefix(hash, "{ARGON2ID}")
		if match, err := argon2id.ComparePasswordAndHash(goodPassword, encoded); !ok || err != nil || !match {
			t.Errorf("kept %q", hash)
		}
		if by := w.Int(t, "SELECT password_set_by FROM accounts WHERE address = 'contact@garrigue.example'"); int64(by) != w.Chloe.Customer {
			t.Errorf("set by %d, want Chloe", by)
		}
		for _, c := range []struct{ password, outcome string }{
			{"short", "password: password.short"},
			{"", "password: password.short"},
			{strings.Repeat("lune-", 26), "password: password.long"},
			{"contact@garrigue.example", "password: password.address"},
			{"motdepasse2026", "password: password.common"},
			{"quatre\u00a0chemins-vers", "password: password.space"},
			{"quatre\x00chemins-vers", "password: password.control"},
			{"quatre\xffchemins-vers", "password: password.control"},
		} {
			err := w.Store.SetAccountPassword(t.Context(), w.Alice, cast.Garrigue, "contact", c.password)
			want(t, fmt.Sprintf("set %.20q", c.password), err, c.outcome)
			if c.password != "" {
				_, err = w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "contact", Password: c.password})
				want(t, fmt.Sprintf("create with %.20q", c.password), err, c.outcome)
			}
		}
		w.wantTold(t)
	})
}

func TestWhatCannotBeAnAddressIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		label := strings.Repeat("a", 60)
		long := strings.Join([]string{label, label, label, label}, ".")
		got[*models.Service](t)(w.Store.AddService(t.Context(), models.NewService{Domain: long + ".xx", Owner: cast.Alice}))
		w.told(t, cast.Garrigue)
		for _, c := range []struct{ domain, local, outcome string }{
			{cast.Garrigue, "", "local: address.local.empty"},
			{cast.Garrigue, "two words", "local: address.local.characters"},
			{cast.Garrigue, "é", "local: address.local.character"},
			{cast.Garrigue, "a+b", "local: address.local.character"},
			{cast.Garrigue, "a@b", "local: address.local.character"},
			{cast.Garrigue, ".a", "local: address.local.dots"},
			{cast.Garrigue, "a..b", "local: address.local.dots"},
			{cast.Garrigue, "a\x00b", "local: address.local.characters"},
			{cast.Garrigue, "a\xffb", "local: address.local.character"},
			{cast.Garrigue, strings.Repeat("a", 65), "local: address.local.long"},
			{long + ".xx", strings.Repeat("a", 11), "local: address.long"},
			{long + ".xx", strings.Repeat("a", 6), done},
			{cast.Garrigue, "contact", "local: account.local.taken"},
			{cast.Garrigue, "CONTACT", "local: account.local.taken"},
			{"nobody.example", "contact", notFound},
			{"\x00", "contact", notFound},
			{"\xff", "contact", notFound},
		} {
			_, err := w.Store.CreateAccount(t.Context(), w.Alice, c.domain, models.NewAccount{Local: c.local})
			want(t, fmt.Sprintf("%q@%.20q", c.local, c.domain), err, c.outcome)
		}
		_, err := w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "new", Description: strings.Repeat("é", models.MaxDescription+1)})
		want(t, "a description too long", err, "description: account.description.long")
		_, err = w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "é", Description: strings.Repeat("x ", 300), Password: "short"})
		want(t, "all at once", err, "description: account.description.long, local: address.local.character, password: password.short")
		w.wantTold(t)
	})
}

func TestNamesThatNoAccountHasReachNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		text := "new"
		for _, odd := range []string{"", "\x00", "\xff", "contact\x00", "CONTACT", " contact", "contact@garrigue.example", strings.Repeat("x", 10000), "'; DROP TABLE accounts; --", "%"} {
			for what, err := range map[string]error{
				"read":     second(w.Store.Account(t.Context(), w.Alice, cast.Garrigue, odd)),
				"describe": w.Store.ChangeAccount(t.Context(), w.Alice, cast.Garrigue, odd, models.AccountSettings{Description: &text, Version: 1}),
				"password": w.Store.SetAccountPassword(t.Context(), w.Alice, cast.Garrigue, odd, goodPassword),
				"block":    w.Store.BlockAccount(t.Context(), w.Alice, cast.Garrigue, odd),
				"delete":   w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, odd, odd),
				"grants":   second(w.Store.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, odd, request(0, cast.Emma))),
			} {
				want(t, fmt.Sprintf("%s %.20q", what, odd), err, notFound)
			}
			for what, err := range map[string]error{
				"service":  second(w.Store.Service(t.Context(), w.Alice, odd)),
				"account":  second(w.Store.Account(t.Context(), w.Alice, odd, "contact")),
				"describe": w.Store.ChangeAccount(t.Context(), w.Alice, odd, "contact", models.AccountSettings{Description: &text, Version: 1}),
			} {
				want(t, fmt.Sprintf("%s of %.20q", what, odd), err, notFound)
			}
		}
	})
}

// second drops a value.
func second[T any](_ T, err error) error { return err }

func TestAccountsKeepWithinTheNumberOfTheirServiceAndAPostmaster(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		create := func(local, outcome string) {
			t.Helper()
			_, err := w.Store.CreateAccount(t.Context(), w.David, cast.Velos, models.NewAccount{Local: local, SizeBytes: models.GB})
			want(t, "create "+local, err, outcome)
		}
		limit := func(n int, outcome string) {
			t.Helper()
			want(t, fmt.Sprintf("limit %d", n), w.Store.SetService(t.Context(), cast.Velos, models.ServiceLimits{MaxAccounts: &n}), outcome)
		}
		const full, below = "local: account.limit.accounts", "max_accounts: service.limit.accounts"
		limit(2, below) // three accounts, none of them postmaster
		limit(-1, below)
		limit(3, done)
		create("fourth", full)
		create("postmaster", done)
		create("fourth", full)
		limit(2, below)
		limit(4, done)
		create("fourth", done)
		create("fifth", full)
		must(t, w.Store.DeleteAccount(t.Context(), w.David, cast.Velos, "hello", "hello"))
		create("fifth", full) // its place is free when its mail is removed
		must(t, w.Store.Sweep(t.Context()))
		create("fifth", done)
		create("sixth", full)
		must(t, w.Store.DeleteAccount(t.Context(), w.David, cast.Velos, "postmaster", "postmaster"))
		create("sixth", full)
		must(t, w.Store.Sweep(t.Context()))
		create("sixth", full) // the free one is for the postmaster only
		create("postmaster", done)
	})
}

func TestSizesKeepWithinTheLimitsOfTheirService(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		set := func(total, each int64, outcome string) {
			t.Helper()
			err := w.Store.SetService(t.Context(), cast.Velos, models.ServiceLimits{MaxBytes: &total, MaxAccountBytes: &each})
			want(t, fmt.Sprintf("limits %d, %d", total, each), err, outcome)
		}
		create := func(size int64, outcome string) {
			t.Helper()
			_, err := w.Store.CreateAccount(t.Context(), w.David, cast.Velos, models.NewAccount{Local: fmt.Sprintf("size%d", size+1), SizeBytes: size})
			want(t, fmt.Sprintf("create with %d", size), err, outcome)
		}
		resize := func(size int64, outcome string) {
			t.Helper()
			a := w.account(t, w.David, cast.Velos, "hello").Account
			err := w.Store.ChangeAccount(t.Context(), w.David, cast.Velos, "hello", models.AccountSettings{SizeBytes: &size, Version: a.Version})
			want(t, fmt.Sprintf("resize to %d", size), err, outcome)
		}
		const gb = models.GB // three accounts of 5 GB
		set(14*gb, 5*gb, "max_gb: service.limit.total")
		set(gb/20, 5*gb, "max_gb: service.limit.total")
		set(20*gb, gb/20, "max_account_gb: service.limit.account")
		set(18*gb, 4*gb, done)
		create(models.MinSizeBytes-1, "size_gb: account.size.small")
		create(-gb, "size_gb: account.size.small")
		create(4*gb+1, "size_gb: account.size.large")
		create(1<<62, "size_gb: account.size.large")
		create(3*gb+1, "size_gb: account.size.total")
		create(2*gb, done)
		create(0, done) // all that is left, since that is less than one account may have
		create(0, "size_gb: account.size.total")
		create(models.MinSizeBytes, "size_gb: account.size.total")
		resize(4*gb+1, "size_gb: account.size.large")
		resize(models.MinSizeBytes-1, "size_gb: account.size.small")
		resize(4*gb, done)
		set(18*gb, 10*gb, done)
		resize(5*gb+1, "size_gb: account.size.total")
		resize(5*gb, done)
		resize(models.MinSizeBytes, done)
	})
}

func TestFiftyCreationsAtOnceLeaveExactlyTheLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const room = 7
		limit := 3 + room
		must(t, w.Store.SetService(t.Context(), cast.Velos, models.ServiceLimits{MaxAccounts: &limit}))
		w.share(t, w.David, cast.Velos, cast.Emma, 0, nil)
		outcomes := together(50, func(i int) string {
			by := w.David
			if i%2 == 0 {
				by = w.Emma
			}
			_, err := w.Store.CreateAccount(t.Context(), by, cast.Velos, models.NewAccount{Local: fmt.Sprintf("at-once%d", i), SizeBytes: models.GB})
			return outcome(err)
		})
		if outcomes[done] != room || outcomes["local: account.limit.accounts"] != 50-room {
			t.Errorf("%v; want %d made and the others refused", outcomes, room)
		}
		if n := w.service(t, w.David, cast.Velos).Service.AccountCount; n != limit {
			t.Errorf("%d accounts, want %d", n, limit)
		}
		outcomes = together(20, func(int) string {
			_, err := w.Store.CreateAccount(t.Context(), w.David, cast.Velos, models.NewAccount{Local: "postmaster", SizeBytes: models.GB})
			return outcome(err)
		})
		if outcomes[done] != 1 || outcomes["local: account.local.taken"] != 19 {
			t.Errorf("one address 20 times at once: %v", outcomes)
		}
	})
}

// together runs n things at the same moment and counts what they answer.
func together(n int, do func(i int) string) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin, outcomes := make(chan struct{}), map[string]int{}
	for i := range n {
		wg.Go(func() {
			<-begin
			o := do(i)
			mu.Lock()
			defer mu.Unlock()
			outcomes[o]++
		})
	}
	close(begin)
	wg.Wait()
	return outcomes
}

func TestWhatTheMailServerReportsIsNoChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.account(t, w.Alice, cast.Garrigue, "rh").Account
		w.told(t, cast.Garrigue)
		must(t, w.Store.RecordUsage(t.Context(), "rh@garrigue.example", 123))
		if a := w.account(t, w.Alice, cast.Garrigue, "rh").Account; a.UsedBytes != 123 || a.Version != before.Version {
			t.Errorf("%+v", a)
		}
		w.wantTold(t)
		want(t, "of nobody", w.Store.RecordUsage(t.Context(), "nobody@garrigue.example", 1), notFound)
		if err := w.Store.RecordUsage(t.Context(), "rh@garrigue.example", -1); err == nil {
			t.Error("a negative use was kept")
		}
	})
}

func TestTheLastUseOfAGrantIsKeptToTheHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		used := func() *time.Time {
			t.Helper()
			list := got[*models.GrantList](t)(w.Store.Grants(t.Context(), w.Alice, w.account(t, w.Alice, cast.Garrigue, "contact"), models.GrantQuery{}))
			return list.Grants[0].UsedAt
		}
		if at := used(); at != nil {
			t.Errorf("used at %v before anything was done", at)
		}
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "one"))
		first := used()
		if first == nil {
			t.Fatal("a use was not kept")
		}
		w.Clock.Move(59 * time.Minute)
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "two"))
		if at := used(); !at.Equal(*first) {
			t.Errorf("written again within the hour: %v", at)
		}
		w.Clock.Move(2 * time.Minute)
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "three"))
		if at := used(); !at.After(*first) {
			t.Errorf("a use an hour later was not kept")
		}
	})
}
