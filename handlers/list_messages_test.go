package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

const (
	equipeAddress  = "equipe@garrigue.example"
	equipeMessages = equipe + "/messages"
)

func approval(id int64) string { return fmt.Sprintf("%s/%d/approval", equipeMessages, id) }
func discard(id int64) string  { return fmt.Sprintf("%s/%d/discard", equipeMessages, id) }

func rejection(id int64) string { return fmt.Sprintf("%s/%d/rejection", equipeMessages, id) }

// held writes a message that waits for a moderator of equipe.
func (s *site) held(t *testing.T, author, subject, content string) int64 {
	t.Helper()
	return s.ListMessage(t, equipeAddress, "held", author, subject, content)
}

func TestAHeldMessageIsReadAndLetThrough(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		bruno := s.as(t, cast.Bruno)
		if got := bruno.get(equipeMessages).text("main .empty h2"); got != "Aucun message" {
			t.Errorf("before: %q", got)
		}
		one := s.held(t, "Léa <lea@else.example>", "Vide-grenier", "Content-Type: text/plain; charset=utf-8\r\n\r\nDimanche, à 9 h.\r\n")
		two := s.held(t, "", "", "Content-Type: image/png\r\n\r\nx")
		if got := bruno.get("/services/garrigue.example/lists").text(`a[href="` + equipeMessages + `"]`); got != "2 à décider" {
			t.Errorf("the table of lists says %q", got)
		}
		page := bruno.get(equipeMessages)
		if got := page.texts(".tabs [aria-current] .count"); got != "1 | 2 à décider" {
			t.Errorf("the tab says %q", got)
		}
		if got := page.text("main h3"); got != "2 messages attendent une décision" {
			t.Errorf("heading %q", got)
		}
		if got := page.texts(".held:first-of-type h4, .held:first-of-type .quiet, .held:first-of-type .answer"); !strings.HasPrefix(got, "Vide-grenier | Léa <lea@else.example> · ") || !strings.HasSuffix(got, "Dimanche, à 9 h.") {
			t.Errorf("shown as %q", got)
		}
		if got := page.texts(".held h4, .held > .hint"); got != "Vide-grenier | Sans objet | Aucun texte de ce message ne peut être montré." {
			t.Errorf("shown as %q", got)
		}
		done := bruno.submit(page, approval(one), nil)
		if done.status != http.StatusSeeOther || done.location != equipeMessages {
			t.Fatalf("%d to %s", done.status, done.location)
		}
		page = bruno.follow(done)
		if got := page.text("#messages"); got != "Le message part chez les abonnés." {
			t.Errorf("message %q", got)
		}
		if got := page.texts("tbody th, tbody .badge, tbody td .note"); !strings.HasPrefix(got, "Vide-grenier Léa <lea@else.example> · ") || !strings.HasSuffix(got, " | Accepté | Accepté par bm1002-mdt.") {
			t.Errorf("told as %q", got)
		}
		page = bruno.follow(bruno.submit(page, rejection(two), url.Values{"reason": {"Pas ici,\r\nmerci."}}))
		if got := page.text("#messages"); got != "Le message est refusé. Son auteur en est averti par email." {
			t.Errorf("message %q", got)
		}
		if got := page.text("tbody"); !strings.Contains(got, "Refusé par bm1002-mdt.") || !strings.Contains(got, "Motif donné : Pas ici, merci.") {
			t.Errorf("told as %q", got)
		}
		history := s.as(t, cast.Alice).get("/services/garrigue.example/history").text("main")
		for _, want := range []string{cast.Bruno + " a accepté un message à la liste equipe@garrigue.example.", cast.Bruno + " a refusé un message à la liste equipe@garrigue.example.", "Vide-grenier"} {
			if !strings.Contains(history, want) {
				t.Errorf("the history lacks %q", want)
			}
		}
	})
}

func TestAMessageDecidedMeanwhileSaysByWhom(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		one, two := s.held(t, "A", "Un", ""), s.held(t, "A", "Deux", "")
		page := alice.get(equipeMessages)
		bruno.submit(bruno.get(equipeMessages), approval(one), nil)
		bruno.submit(bruno.get(equipeMessages), rejection(two), nil)
		late := alice.submit(page, rejection(one), url.Values{"reason": {"Non"}})
		if got := late.text(".errors"); late.status != http.StatusConflict || !strings.Contains(got, "bm1002-mdt a déjà accepté ce message. Il ne peut plus être rappelé.") || late.Find(".held").Length() != 0 {
			t.Errorf("%d %q", late.status, got)
		}
		late = alice.submit(page, approval(two), nil)
		if got := late.text(".errors"); late.status != http.StatusConflict || !strings.Contains(got, "bm1002-mdt a déjà refusé ce message.") {
			t.Errorf("%d %q", late.status, got)
		}
		three := s.held(t, "A", "Trois", "")
		page = alice.get(equipeMessages)
		s.Exec(t, fmt.Sprintf("UPDATE list_messages SET state = 'expired', settled_at = received_at WHERE id = %d", three))
		if late = alice.submit(page, approval(three), nil); late.status != http.StatusConflict || !strings.Contains(late.text(".errors"), "personne n’en avait décidé à temps") {
			t.Errorf("%d %q", late.status, late.text(".errors"))
		}
	})
}

func TestAReasonThatIsTooLongComesBack(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.held(t, "A", "Un", "")
		two := s.held(t, "A", "Deux", "")
		typed := strings.Repeat("é", models.MaxRejectionReason+1)
		refused := alice.submit(alice.get(equipeMessages), rejection(two), url.Values{"reason": {typed}})
		field := fmt.Sprintf("#reason-%d", two)
		if refused.status != http.StatusUnprocessableEntity || refused.text(field) != typed || refused.Find(".errors a").AttrOr("href", "") != field || refused.Find(".held details[open]").Length() != 1 {
			t.Errorf("%d %s", refused.status, refused.text(".errors"))
		}
		if done := alice.submit(refused, rejection(two), url.Values{"reason": {"Trop long"}}); done.status != http.StatusSeeOther {
			t.Errorf("%d", done.status)
		}
	})
}

func TestAllThatIsShownIsTurnedAwayAndNothingElse(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.held(t, "A", "Un", "")
		if page := alice.get(equipeMessages); page.form(equipeMessages+"/rejection") != nil {
			t.Error("offered for one message")
		}
		for i := range models.MessagesPageSize + 1 {
			s.held(t, "A", fmt.Sprint("Autre ", i), "")
		}
		page := alice.get(equipeMessages)
		if got := page.text("#all button"); got != "Refuser les 20 messages montrés" {
			t.Errorf("offered as %q", got)
		}
		done := alice.follow(alice.submit(page, equipeMessages+"/rejection", nil))
		if got := done.text("#messages"); !strings.HasPrefix(got, "20 messages sont refusés.") {
			t.Errorf("message %q", got)
		}
		if got := done.texts(".held h4"); got != "Autre 19 | Autre 20" {
			t.Errorf("left: %q", got)
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'list.message_rejected'"); n != 20 {
			t.Errorf("%d events", n)
		}
		s.held(t, "A", "Depuis", "")
		if done = alice.follow(alice.submit(done, equipeMessages+"/rejection", nil)); done.texts(".held h4") != "Depuis" {
			t.Errorf("left: %q", done.texts(".held h4"))
		}
		spam := s.held(t, "A", "Gagnez", "")
		done = alice.follow(alice.submit(alice.get(equipeMessages), discard(spam), nil))
		if got := done.text("#messages"); got != "Le message est supprimé. Personne n’en est averti." || done.texts(".held h4") != "Depuis" {
			t.Errorf("message %q, left %q", got, done.texts(".held h4"))
		}
		s.held(t, "A", "Encore", "")
		done = alice.follow(alice.submit(alice.get(equipeMessages), equipeMessages+"/discard", nil))
		if got := done.text("#messages"); !strings.HasPrefix(got, "2 messages sont supprimés.") || done.texts(".held h4") != "" {
			t.Errorf("message %q, left %q", got, done.texts(".held h4"))
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'list.message_discarded'"); n != 3 {
			t.Errorf("%d events of what was discarded", n)
		}
		late := alice.post(rejection(1<<40), url.Values{"submission": {done.submission()}})
		if late.status != http.StatusNotFound {
			t.Errorf("one that is not there: %d", late.status)
		}
	})
}

func TestNothingIsToBeDecidedWhileAServiceIsSuspended(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.held(t, "A", "Un", "\r\nBonjour")
		if err := s.Store.SuspendService(t.Context(), cast.Garrigue); err != nil {
			t.Fatal(err)
		}
		if page := alice.get(equipeMessages); page.status != http.StatusOK || page.Find(".held form").Length() != 0 || page.text(".held .answer") != "Bonjour" {
			t.Errorf("%d offers %d forms", page.status, page.Find(".held form").Length())
		}
	})
}

// What a stranger wrote is text on every page that shows it.
func TestAHostileMessageIsText(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, text := range nasty {
			text = strings.ToValidUTF8(text, "")
			if len(text) > 1000 {
				text = text[:1000]
			}
			id := s.held(t, text, text, "\r\n"+text)
			wantOurs(t, fmt.Sprintf("%.30q held", text), alice.get(equipeMessages), http.StatusOK)
			wantOurs(t, fmt.Sprintf("%.30q rejected", text), alice.submit(alice.get(equipeMessages), rejection(id), url.Values{"reason": {strings.ToValidUTF8(text[:min(len(text), 400)], "")}}), http.StatusSeeOther)
			wantOurs(t, fmt.Sprintf("%.30q told", text), alice.get(equipeMessages), http.StatusOK)
		}
		wantOurs(t, "the history", alice.get("/services/garrigue.example/history"), http.StatusOK)
	})
}

func TestOlderMessagesAreOnFurtherPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for i := range models.MessagesPageSize + 1 {
			id := s.ListMessage(t, equipeAddress, "sent", "A", fmt.Sprint("Message ", i), "")
			s.ListDelivery(t, id, "a@else.example", "sent")
			s.ListDelivery(t, id, "b@else.example", "bounced")
		}
		s.held(t, "A", "Un", "")
		page := alice.get(equipeMessages)
		if got := page.texts("tbody tr:first-child td:last-child span"); got != "Envoyé | Remis à 1 abonné. | Non remis à 1 abonné." {
			t.Errorf("outcome %q", got)
		}
		older := alice.get(page.Find("a[rel=next]").AttrOr("href", ""))
		if got := older.text("tbody th bdi:first-child"); older.status != http.StatusOK || !strings.HasPrefix(got, "Message 0") || older.Find(".held").Length() != 0 || older.Find("tbody tr").Length() != 1 {
			t.Errorf("%d %q", older.status, got)
		}
		if alice.get(older.Find(".pager a").AttrOr("href", "")).Find(".held").Length() != 1 {
			t.Error("the way back does not lead to what is held")
		}
	})
}

func TestASubscriberWhoseMailComesBackIsMarked(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		email := alice.get(equipe + "/members").Find("tbody th .mono").First().Text()
		s.ListRequest(t, equipeAddress, "bounced", email, 0)
		if err := s.Store.CarryListRequests(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := alice.get(equipe + "/members").texts("tbody .badge, tbody .note"); got != "les messages reviennent | Messages revenus sur 1 jour. Après 5 jours, l’adresse est retirée." {
			t.Errorf("%q", got)
		}
	})
}
