package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestACustomerIsMadeAsTheOperatorSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := models.NewCustomer{Identifier: "ZZ1-mdt", Name: "  Zoé\x00  Zola ", Email: " zoe@zola.example ", Language: "fr", TimeZone: "Europe/Paris"}
		c := got[*models.Customer](t)(w.Store.AddCustomer(t.Context(), good))
		if c.ID == 0 || c.Identifier != "zz1-mdt" || c.Name != "Zoé Zola" || c.Email != "zoe@zola.example" || c.Theme != "system" || c.Version != 1 {
			t.Errorf("%+v", c)
		}
		for _, of := range []func() (*models.Customer, error){
			func() (*models.Customer, error) { return w.Store.FindCustomer(t.Context(), " ZZ1-MDT") },
			func() (*models.Customer, error) { return w.Store.Customer(t.Context(), models.Actor{Customer: c.ID}) },
		} {
			if read := got[*models.Customer](t)(of()); read.ID != c.ID || read.Name != c.Name || read.Email != c.Email || !read.CreatedAt.Equal(c.CreatedAt) {
				t.Errorf("reads %+v, made %+v", read, c)
			}
		}
		for what, c := range map[string]struct {
			change  func(*models.NewCustomer)
			outcome string
		}{
			"the same identifier": {func(n *models.NewCustomer) { n.Identifier = "zz1-MDT" }, "identifier: customer.identifier.taken"},
			"another shape":       {func(n *models.NewCustomer) { n.Identifier = "zola" }, "identifier: customer.identifier.shape"},
			"no name":             {func(n *models.NewCustomer) { n.Name = " \x00 " }, "name: customer.name.none"},
			"a name too long":     {func(n *models.NewCustomer) { n.Name = strings.Repeat("é", models.MaxName+1) }, "name: customer.name.long"},
			"no email":            {func(n *models.NewCustomer) { n.Email = "" }, "email: customer.email.shape"},
			"a name with it":      {func(n *models.NewCustomer) { n.Email = "Zoé <zoe@zola.example>" }, "email: customer.email.shape"},
			"no domain":           {func(n *models.NewCustomer) { n.Email = "zoe@zola" }, "email: customer.email.shape"},
			"two of them":         {func(n *models.NewCustomer) { n.Email = "a@zola.example, b@zola.example" }, "email: customer.email.shape"},
			"bytes":               {func(n *models.NewCustomer) { n.Email = "zoe\x00@zola.example" }, "email: customer.email.shape"},
			"a header":            {func(n *models.NewCustomer) { n.Email = "zoe@zola.example\r\nBcc: x@y.example" }, "email: customer.email.shape"},
			"a long email":        {func(n *models.NewCustomer) { n.Email = strings.Repeat("z", 250) + "@zola.example" }, "email: customer.email.shape"},
			"another language":    {func(n *models.NewCustomer) { n.Language = "de" }, "language: customer.language.unknown"},
			"no zone":             {func(n *models.NewCustomer) { n.TimeZone = "" }, "time_zone: customer.time_zone.unknown"},
			"the machine's zone":  {func(n *models.NewCustomer) { n.TimeZone = "Local" }, "time_zone: customer.time_zone.unknown"},
			"a file":              {func(n *models.NewCustomer) { n.TimeZone = "../../etc/passwd" }, "time_zone: customer.time_zone.unknown"},
			"a weak password":     {func(n *models.NewCustomer) { n.Password = "Zoé Zola zz2-mdt" }, "password: password.context"},
			"all":                 {func(n *models.NewCustomer) { *n = models.NewCustomer{Identifier: "x"} }, "email: customer.email.shape, identifier: customer.identifier.shape, language: customer.language.unknown, name: customer.name.none, time_zone: customer.time_zone.unknown"},
		} {
			n := good
			n.Identifier = "zz2-mdt"
			c.change(&n)
			want(t, what, second(w.Store.AddCustomer(t.Context(), n)), c.outcome)
		}
		if n := w.Int(t, "SELECT count(*) FROM customers"); n != 6 {
			t.Errorf("%d customers, want the cast and one", n)
		}
		for _, of := range []string{"zz9-mdt", "zola", "\x00", ""} {
			want(t, "find "+of, second(w.Store.FindCustomer(t.Context(), of)), notFound)
		}
	})
}

func TestACustomerWithoutAnIdentifierIsGivenOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := map[string]bool{}
		for name, begins := range map[string]string{"Zoé Zola": "zz", "Éric": "ex", "東京 Lee": "lx", "1 2 3": "xx", "a b c": "ab"} {
			c := got[*models.Customer](t)(w.Store.AddCustomer(t.Context(), models.NewCustomer{Name: name, Email: "a@zola.example", Language: "fr", TimeZone: "UTC"}))
			normal, ok := models.ParseIdentifier(c.Identifier)
			if !ok || normal != c.Identifier || !strings.HasPrefix(c.Identifier, begins) || !strings.HasSuffix(c.Identifier, "-"+models.DefaultSuffix) || made[c.Identifier] {
				t.Errorf("%s is %s, want %s…", name, c.Identifier, begins)
			}
			made[c.Identifier] = true
		}
	})
}

func TestAnAgentIsMadeAsTheOperatorSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := models.NewAgent{Identifier: "tom-support", Name: "Tom", Email: "tom@mandat.example", Language: "en", Role: "lead", Customer: cast.Emma}
		a := got[*models.Agent](t)(w.Store.AddAgent(t.Context(), good))
		if a.ID == 0 || a.Identifier != "tom-support" || a.Role != "lead" {
			t.Errorf("%+v", a)
		}
		for what, c := range map[string]struct {
			change  func(*models.NewAgent)
			outcome string
		}{
			"the same identifier":     {func(n *models.NewAgent) { n.Identifier = "Tom-Support" }, "identifier: customer.identifier.taken"},
			"a customer's identifier": {func(n *models.NewAgent) { n.Identifier = "zz1-mdt" }, "identifier: agent.identifier.shape"},
			"another role":            {func(n *models.NewAgent) { n.Role = "boss" }, "role: agent.role.unknown"},
			"another language":        {func(n *models.NewAgent) { n.Language = "" }, "language: customer.language.unknown"},
			"nobody's account":        {func(n *models.NewAgent) { n.Customer = "zz1-mdt" }, "customer: grant.refused.unknown"},
		} {
			n := good
			n.Identifier = "tim-support"
			c.change(&n)
			want(t, what, second(w.Store.AddAgent(t.Context(), n)), c.outcome)
		}
	})
}

func TestAProfileIsChangedByItsOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		text := func(s string) *string { return &s }
		change := func(p models.Profile, outcome string) {
			t.Helper()
			want(t, "change", w.Store.ChangeProfile(t.Context(), w.Emma, p), outcome)
		}
		events := func() int {
			return w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE kind = 'profile.changed' AND subject_id = %d AND actor_id = %[1]d", w.Emma.Customer))
		}
		change(models.Profile{Name: text(" Emma  Petit "), Version: 1}, done) // as it is
		if events() != 0 {
			t.Error("nothing differs, and an event says so")
		}
		change(models.Profile{Name: text("Emma Grand"), Language: text("fr"), TimeZone: text("Europe/Paris"), Theme: text("dark"), Version: 1}, done)
		change(models.Profile{Name: text("Emma Late"), Version: 1}, conflict)
		change(models.Profile{Theme: text("light")}, done) // a switch carries no version
		change(models.Profile{Language: text("de"), Theme: text("blue"), TimeZone: text("Mars/Olympus")},
			"language: customer.language.unknown, theme: customer.theme.unknown, time_zone: customer.time_zone.unknown")
		change(models.Profile{Name: text(""), Version: 3}, "name: customer.name.none")
		change(models.Profile{Name: text("a\x00\xffb"), Version: 3}, done)
		c := got[*models.Customer](t)(w.Store.Customer(t.Context(), w.Emma))
		if c.Name != "ab" || c.Language != "fr" || c.Theme != "light" || c.TimeZone != "Europe/Paris" || c.Version != 4 || events() != 3 {
			t.Errorf("%+v, %d events", c, events())
		}
		want(t, "nobody", w.Store.ChangeProfile(t.Context(), models.Actor{}, models.Profile{Theme: text("dark")}), notFound)
		want(t, "nobody's password", w.Store.ChangePassword(t.Context(), models.Actor{}, cast.Password, goodPassword), "current: password.current.wrong")
		_, err := w.Store.Customer(t.Context(), models.Actor{})
		want(t, "nobody's profile", err, notFound)
	})
}

func TestALinkSetsAPasswordOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.signIn(t, cast.Emma)
		token, expires, err := w.Store.NewPasswordLink(t.Context(), " EP1005-mdt ")
		must(t, err)
		if len(token) < 43 || expires.Sub(w.Store.Now()) > models.LinkFor || expires.Sub(w.Store.Now()) < models.LinkFor-3600e9 {
			t.Errorf("token %q until %v", token, expires)
		}
		if c := got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), token)); c.Identifier != cast.Emma {
			t.Errorf("the link is %s's", c.Identifier)
		}
		for password, outcome := range map[string]string{"": "password: password.none", "short": "password: password.short", "emma petit ep1005-mdt": "password: password.context"} {
			want(t, "set "+password, w.Store.UsePasswordLink(t.Context(), token, password), outcome)
		}
		w.signedIn(t, "before the link is used", in.Token, done)
		must(t, w.Store.UsePasswordLink(t.Context(), token, goodPassword))
		w.signedIn(t, "after", in.Token, signedOut)
		want(t, "used again", w.Store.UsePasswordLink(t.Context(), token, goodPassword), oldLink)
		want(t, "looked at again", second(w.Store.PasswordLink(t.Context(), token)), oldLink)
		c := credentials(cast.Emma)
		c.Password = goodPassword
		got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
		if n := w.Int(t, "SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d sessions: a link signs nobody in", n)
		}
	})
}

func TestALinkLapsesAndANewerOneTakesItsPlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		link := func() string {
			t.Helper()
			token, _, err := w.Store.NewPasswordLink(t.Context(), cast.Emma)
			must(t, err)
			return token
		}
		first, second := link(), link()
		want(t, "the earlier", w.Store.UsePasswordLink(t.Context(), first, goodPassword), oldLink)
		w.Clock.Move(models.LinkFor)
		want(t, "the lapsed", w.Store.UsePasswordLink(t.Context(), second, goodPassword), oldLink)
		for _, token := range []string{"", "never made", "\x00\xff"} {
			want(t, "no link "+token, w.Store.UsePasswordLink(t.Context(), token, goodPassword), oldLink)
		}
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM password_links"); n != 0 {
			t.Errorf("%d links are kept", n)
		}
		for identifier, outcome := range map[string]string{"zz9-mdt": notFound, "emma": "identifier: customer.identifier.shape", "\x00": "identifier: customer.identifier.shape"} {
			_, _, err := w.Store.NewPasswordLink(t.Context(), identifier)
			want(t, "a link for "+identifier, err, outcome)
		}
	})
}

func TestALinkUsedTwiceAtOnceWorksOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token, _, err := w.Store.NewPasswordLink(t.Context(), cast.Emma)
		must(t, err)
		outcomes := together(4, func(i int) string {
			return outcome(w.Store.UsePasswordLink(t.Context(), token, fmt.Sprintf("%s-%d", goodPassword, i)))
		})
		if outcomes[done] != 1 || outcomes[oldLink]+outcomes["busy"] != 3 { // hashes queue
			t.Errorf("%v; want one", outcomes)
		}
	})
}

func TestWhoGuessesThePresentPasswordSoonWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice := w.Actor(t, cast.Alice)
		guess := func() error { return w.Store.ChangePassword(t.Context(), alice, "not this one", goodPassword) }
		for range 10 {
			want(t, "a guess", guess(), "current: password.current.wrong")
		}
		var wait models.Throttled
		if err := guess(); !errors.As(err, &wait) || wait.Wait <= 0 {
			t.Fatalf("after ten guesses: %v", err)
		}
		w.Clock.Move(wait.Wait)
		must(t, w.Store.ChangePassword(t.Context(), alice, cast.Password, goodPassword))
	})
}
