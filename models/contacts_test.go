package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// wants asks for another contact address and answers the link that was sent there.
func (w *world) wants(t testing.TB, by models.Actor, email string) string {
	t.Helper()
	must(t, w.Store.ChangeContact(t.Context(), by, email))
	k := got[*models.ContactChange](t)(w.Store.PendingContact(t.Context(), by))
	must(t, w.Store.SendContactLink(t.Context(), k.ID, 1, false))
	links := w.Post.Links()
	if m := links[len(links)-1]; m.To.Email != strings.TrimSpace(email) || m.Kind != models.ContactLinkMail {
		t.Fatalf("%+v", m)
	}
	return links[len(links)-1].Token
}

// told are the addresses that the notices waiting go to, each with what it is told.
func (w *world) toldAt(t testing.TB) (list []string) {
	t.Helper()
	before := len(w.Post.Notices())
	w.noticed(t)
	for _, n := range w.Post.Notices()[before:] {
		for _, p := range n.Parts {
			for _, d := range p.Deeds {
				list = append(list, strings.TrimSpace(n.To.Email+" "+d.Event+" "+d.Target))
			}
			if len(p.Deeds) == 0 {
				list = append(list, n.To.Email+" "+string(p.Kind))
			}
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) wantToldAt(t testing.TB, what string, want ...string) {
	t.Helper()
	if got := w.toldAt(t); !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (w *world) contact(t testing.TB) string {
	t.Helper()
	return got[*models.Customer](t)(w.Store.Customer(t.Context(), w.Emma)).Email
}

const (
	emmaOld = "emma@petit.example"
	emmaNew = "emma@ailleurs.example"
)

func TestAContactAddressCountsOnceItIsConfirmed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.wants(t, w.Emma, " "+emmaNew+" ")
		if w.contact(t) != emmaOld {
			t.Error("it counts before it is confirmed")
		}
		k := got[*models.ContactChange](t)(w.Store.PendingContact(t.Context(), w.Emma))
		if k.Email != emmaNew || k.State != models.ContactSent || !k.ExpiresAt.Equal(w.Store.Now().Add(models.ContactFor)) {
			t.Errorf("%+v", k)
		}
		w.wantToldAt(t, "asked", emmaOld+" profile.contact_asked "+emmaNew)
		for _, by := range []models.Actor{w.David, {}} {
			want(t, "somebody else looks", second(w.Store.ContactLink(t.Context(), by, token)), oldLink)
		}
		want(t, "somebody else confirms", second(w.Store.ConfirmContact(t.Context(), w.David, token)), oldLink)
		if k := got[*models.ContactChange](t)(w.Store.ContactLink(t.Context(), w.Emma, token)); k.Email != emmaNew {
			t.Errorf("%+v", k)
		}
		if email := got[string](t)(w.Store.ConfirmContact(t.Context(), w.Emma, token)); email != emmaNew || w.contact(t) != emmaNew {
			t.Errorf("%q", email)
		}
		w.wantToldAt(t, "confirmed", emmaNew+" profile.contact_changed "+emmaNew, emmaOld+" profile.contact_changed "+emmaNew)
		want(t, "once more", second(w.Store.ConfirmContact(t.Context(), w.Emma, token)), oldLink)
		if k := got[*models.ContactChange](t)(w.Store.PendingContact(t.Context(), w.Emma)); k != nil {
			t.Errorf("%+v", k)
		}
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE subject_id = %d AND actor_id = %[1]d AND kind IN ('profile.contact_asked', 'profile.contact_changed')", w.Emma.Customer)); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestTheContactAddressOfBeforeIsToldForAWeek(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, second(w.Store.ConfirmContact(t.Context(), w.Emma, w.wants(t, w.Emma, emmaNew))))
		w.noticed(t)
		must(t, w.Store.ChangePassword(t.Context(), w.Emma, cast.Password, goodPassword))
		w.wantToldAt(t, "what is sensitive", emmaNew+" profile.password_set", emmaOld+" profile.password_set")
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		w.wantToldAt(t, "what is not", emmaNew+" given")
		must(t, w.Store.UsePasswordLink(t.Context(), w.reset(t, cast.Emma), goodPassword+"!"))
		links := w.Post.Links()
		if to := links[len(links)-1].To.Email; to != emmaNew {
			t.Errorf("a link goes to %s", to)
		}
		w.wantToldAt(t, "a reset", emmaNew+" profile.password_reset", emmaOld+" profile.password_reset")

		must(t, w.Store.SetContact(t.Context(), cast.Emma, emmaOld)) // back again
		w.wantToldAt(t, "back again", emmaNew+" profile.contact_changed "+emmaOld, emmaOld+" profile.contact_changed "+emmaOld)
		w.Clock.Move(models.FormerContactFor)
		must(t, w.Store.ChangePassword(t.Context(), w.Emma, goodPassword+"!", goodPassword))
		w.wantToldAt(t, "a week later", emmaOld+" profile.password_set")
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM former_contacts"); n != 0 {
			t.Errorf("%d are kept", n)
		}
	})
}

func TestHeldNoticesOfTwoAddressesStayApart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, second(w.Store.ConfirmContact(t.Context(), w.Emma, w.wants(t, w.Emma, emmaNew))))
		passwords := [2]string{goodPassword, cast.Password}
		for i := range 14 { // two notices each
			must(t, w.Store.ChangePassword(t.Context(), w.Emma, passwords[(i+1)%2], passwords[i%2]))
		}
		w.noticed(t)
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE held"); n == 0 {
			t.Fatal("nothing is held")
		}
		w.Clock.Move(time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		before := len(w.Post.Notices())
		w.noticed(t)
		addresses := map[string]int{}
		for _, n := range w.Post.Notices()[before:] {
			addresses[n.To.Email]++
		}
		if addresses[emmaOld] != 1 || addresses[emmaNew] != 1 {
			t.Errorf("%v", addresses)
		}
	})
}

func TestWhatIsRefusedAsContactAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for email, outcome := range map[string]string{
			"": "email: customer.email.shape", "emma chez moi": "email: customer.email.shape", "emma@ailleurs.example\r\nBcc: x@y.example": "email: customer.email.shape",
			emmaOld: "email: contact.same", " " + emmaOld: "email: contact.same",
		} {
			want(t, email, w.Store.ChangeContact(t.Context(), w.Emma, email), outcome)
		}
		want(t, "nobody", w.Store.ChangeContact(t.Context(), models.Actor{}, emmaNew), notFound)
		for i := range models.MaxContactChanges {
			must(t, w.Store.ChangeContact(t.Context(), w.Emma, fmt.Sprintf("emma%d@ailleurs.example", i)))
		}
		want(t, "one too many", w.Store.ChangeContact(t.Context(), w.Emma, emmaNew), "email: contact.limit")
		w.Clock.Move(24*time.Hour + time.Second)
		must(t, w.Store.ChangeContact(t.Context(), w.Emma, emmaNew))
		for _, c := range []struct{ identifier, email, outcome string }{
			{"zz9-mdt", emmaNew, notFound}, {"?", emmaNew, "identifier: customer.identifier.shape"}, {cast.Emma, "x", "email: customer.email.shape"}, {cast.Emma, emmaOld, done},
		} {
			want(t, "the operator: "+c.identifier+" "+c.email, w.Store.SetContact(t.Context(), c.identifier, c.email), c.outcome)
		}
	})
}

func TestALinkForAnAddressLapsesAndANewerOneTakesItsPlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		dead := func(what, token string) {
			t.Helper()
			want(t, what, second(w.Store.ConfirmContact(t.Context(), w.Emma, token)), oldLink)
		}
		first := w.wants(t, w.Emma, emmaNew)
		other := w.wants(t, w.Emma, "emma@plus-loin.example")
		dead("another address was asked for", first)
		must(t, w.Store.CancelContact(t.Context(), w.Emma))
		must(t, w.Store.CancelContact(t.Context(), w.Emma))
		dead("it was given up", other)
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'profile.contact_cancelled'"); n != 1 {
			t.Errorf("%d events", n)
		}
		late := w.wants(t, w.Emma, emmaNew)
		w.Clock.Move(models.ContactFor)
		dead("a day later", late)
		if k := got[*models.ContactChange](t)(w.Store.PendingContact(t.Context(), w.Emma)); k != nil {
			t.Errorf("%+v", k)
		}
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM contact_changes"); n != 0 || w.contact(t) != emmaOld {
			t.Errorf("%d are kept", n)
		}
		for _, token := range []string{"", "never made", "\x00\xff"} {
			dead("no link "+token, token)
		}
	})
}

func TestAnAddressThatTakesNoMailIsToldAsSuch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.ChangeContact(t.Context(), w.Emma, emmaNew))
		pending := func() *models.ContactChange {
			t.Helper()
			return got[*models.ContactChange](t)(w.Store.PendingContact(t.Context(), w.Emma))
		}
		var tokens []string
		answer := errors.New("away")
		w.Post.AnswerLinks(func(m *models.LinkMail) error {
			tokens = append(tokens, m.Token)
			return answer
		})
		want(t, "away", w.Store.SendContactLink(t.Context(), pending().ID, 1, false), "away")
		if k := pending(); k.State != models.ContactWaiting {
			t.Errorf("%+v", k)
		}
		answer = refusal{}
		must(t, w.Store.SendContactLink(t.Context(), pending().ID, 2, false))
		if k := pending(); k.State != models.ContactFailed {
			t.Errorf("%+v", k)
		}
		must(t, w.Store.SendContactLink(t.Context(), pending().ID, 3, false))
		if len(tokens) != 2 || tokens[0] == tokens[1] {
			t.Errorf("%d attempts", len(tokens))
		}
		want(t, "the link of the first attempt", second(w.Store.ConfirmContact(t.Context(), w.Emma, tokens[0])), oldLink)
	})
}

// The link went to the address of before, which may be somebody else's by now.
func TestAnotherContactAddressKillsLinksToTheOneBefore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		link := w.reset(t, cast.Emma)
		must(t, w.Store.SetContact(t.Context(), cast.Emma, "emma@new.example"))
		want(t, "a link that was sent before", w.Store.UsePasswordLink(t.Context(), link, goodPassword), oldLink)
		must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
		must(t, w.Store.SetContact(t.Context(), cast.Emma, "emma@other.example"))
		if mails := w.mailed(t); len(mails) != 0 {
			t.Errorf("%d links are sent still", len(mails))
		}
	})
}
