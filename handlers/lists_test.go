package handlers_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
)

const (
	lists   = "/services/garrigue.example/lists"
	clients = lists + "/clients"
)

// newClients makes a list as Alice and gives her page of its subscribers.
func newClients(t *testing.T, alice *visitor) *answer {
	t.Helper()
	return alice.follow(alice.submit(alice.get("/services/garrigue.example/new-list"), lists, url.Values{"name": {"Clients"}}))
}

func TestTheOwnerMakesAList(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get("/services/garrigue.example/new-list")
		if got := form.Find("#owner").AttrOr("value", ""); !strings.Contains(got, "@") {
			t.Errorf("owner begins as %q", got)
		}
		refused := alice.submit(form, lists, url.Values{"name": {"contact"}, "owner": {`<script>alert(1)</script>`}, "reply_to": {"address"}, "reply_to_address": {"list"}})
		if refused.status != http.StatusUnprocessableEntity || refused.Find("#owner").AttrOr("value", "") != `<script>alert(1)</script>` || strings.Contains(refused.body, "<script>alert") {
			t.Errorf("refused: %d", refused.status)
		}
		if refused.Find(`.errors a[href="#owner"]`).Length() != 1 || refused.Find(`.errors a[href="#reply_to_address"]`).Length() != 1 {
			t.Errorf("summary: %s", refused.text(".errors"))
		}
		taken := alice.submit(refused, lists, url.Values{"owner": {"rh@garrigue.example"}, "reply_to_address": {"reponses@garrigue.example"}})
		if taken.Find(`.errors a[href="#name"]`).Length() != 1 {
			t.Errorf("an address that is taken: %d %s", taken.status, taken.text(".errors"))
		}
		made := alice.submit(taken, lists, url.Values{"name": {"Clients"}})
		if made.location != clients+"/members" || !strings.Contains(alice.follow(made).text("#messages"), "clients@garrigue.example a été créée") {
			t.Errorf("%d to %q", made.status, made.location)
		}
		if again := alice.submit(taken, lists, url.Values{"name": {"autre"}}); again.location != lists {
			t.Errorf("sent twice: %d to %q", again.status, again.location)
		}
		settings := alice.get(clients)
		if settings.Find("#reply_to_address").AttrOr("value", "") != "reponses@garrigue.example" || settings.Find("#owner").AttrOr("value", "") != "rh@garrigue.example" {
			t.Errorf("settings: %s", settings.text("form"))
		}
		if got := alice.get(lists).text("table"); !strings.Contains(got, "clients@garrigue.example") || !strings.Contains(got, "equipe@garrigue.example") {
			t.Errorf("lists: %s", got)
		}
	})
}

func TestSettingsOfAListChangedMeanwhile(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		newClients(t, alice)
		form := alice.get(clients)
		bruno.follow(bruno.submit(bruno.get(clients), clients, url.Values{"posting": {"everyone"}}))
		conflict := alice.submit(form, clients, url.Values{"posting": {"moderated"}})
		if conflict.status != http.StatusConflict || !strings.Contains(conflict.text(".compare"), "Tout le monde") {
			t.Fatalf("%d: %s", conflict.status, conflict.text(".compare"))
		}
		done := alice.follow(alice.submit(conflict, clients, nil))
		if got := done.Find("#posting option[selected]").AttrOr("value", ""); got != "moderated" {
			t.Errorf("sent again: %q", got)
		}
		if !strings.Contains(done.text("main"), "n’a pas de modérateur") {
			t.Error("a moderated list without a moderator is not warned of")
		}
	})
}

func TestThreeHundredSubscribersPasted(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := newClients(t, alice)
		lines := make([]string, 300)
		for i := range lines {
			lines[i] = fmt.Sprintf("Abonné %d <m%03d@else.example>", i, i)
		}
		pasted := strings.Join(append(lines, "M000@else.example", "<b>gras</b>", "clients@garrigue.example"), "\r\n")
		refused := alice.submit(page, clients+"/members", url.Values{"members": {pasted}})
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".message.ok"), "300 abonnés ajoutés. 1 doublon réuni.") {
			t.Fatalf("%d: %s", refused.status, refused.text(".message, .errors"))
		}
		if got := refused.Find("#members").Text(); got != "<b>gras</b>\nclients@garrigue.example" {
			t.Errorf("left in the field: %q", got)
		}
		if got := refused.text("#members-error"); !strings.Contains(got, "<b>gras</b> : Saisissez une adresse entière") || strings.Contains(refused.body, "<b>gras") {
			t.Errorf("reasons: %q", got)
		}
		done := alice.submit(refused, clients+"/members", url.Values{"members": {"m000@else.example\nneuf@else.example"}})
		if got := alice.follow(done).text("#messages"); got != "1 abonné ajouté. m000@else.example y était déjà." {
			t.Errorf("message %q", got)
		}
		alice.submit(refused, clients+"/members", url.Values{"members": {"encore@else.example"}})
		if n := s.Int(t, "SELECT subscriber_count FROM lists WHERE local_part = 'clients'"); n != 301 {
			t.Errorf("%d subscribers", n)
		}
		list := alice.get(clients + "/members")
		if list.Find("tbody tr").Length() != 50 || !strings.Contains(list.text(".pager"), "1–50 sur 301") {
			t.Errorf("%d rows, %s", list.Find("tbody tr").Length(), list.text(".pager"))
		}
		if next := alice.get(list.Find(".pager [rel=next]").AttrOr("href", "")); !strings.Contains(next.text(".pager"), "51–100 sur 301") {
			t.Errorf("next: %s", next.text(".pager"))
		}
		if found := alice.get(clients + "/members?q=M29"); found.Find("tbody tr").Length() != 10 {
			t.Errorf("found %d", found.Find("tbody tr").Length())
		}
		if history := alice.get("/services/garrigue.example/history").text("main"); !strings.Contains(history, "a abonné des adresses à la liste clients@garrigue.example") {
			t.Errorf("history: %.300s", history)
		}
	})
}

func TestSubscribersAreRemovedByTickOrPasted(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.follow(alice.submit(newClients(t, alice), clients+"/members", url.Values{"members": {"a@else.example\nb@else.example\nc@else.example"}}))
		ticked := alice.submit(page, clients+"/members/removal", url.Values{"members": {"a@else.example", "b@else.example"}})
		page = alice.follow(ticked)
		if got := page.text("#messages"); got != "2 abonnés retirés." {
			t.Errorf("message %q", got)
		}
		refused := alice.submit(page, clients+"/members/removal", url.Values{"members": {"a@else.example\r\nc@else.example\r\nrien"}})
		if refused.status != http.StatusUnprocessableEntity || refused.Find("#members-removal").Text() != "rien" || refused.text(".message:not(.warn)") != "1 abonné retiré. a@else.example n’y était pas." {
			t.Errorf("%d: %s", refused.status, refused.text(".message"))
		}
		if none := alice.submit(refused, clients+"/members/removal", url.Values{"members": {""}}); none.status != http.StatusUnprocessableEntity || none.Find(`.errors a[href="#members-removal"]`).Length() != 1 {
			t.Errorf("nothing ticked: %d %s", none.status, none.text(".errors"))
		}
	})
}

// upload sends a file as a browser does.
func (v *visitor) upload(path, submission, content string) *answer {
	v.t.Helper()
	return v.uploadAs("abonnés.csv", path, submission, content)
}

func (v *visitor) uploadAs(name, path, submission, content string) *answer {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("submission", submission) // to a buffer
	file, err := w.CreateFormFile("file", name)
	if err != nil {
		v.t.Fatal(err)
	}
	_, _ = file.Write([]byte(content))
	_ = w.Close()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.site.url+path, &b)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Origin", v.site.url)
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return answerOf(v.t, response)
}

func TestSubscribersFromAFile(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page, path := newClients(t, alice), clients+"/members/file"
		for i, content := range []string{
			"\ufeffemail;nom\r\na0@else.example;Ana\xefs\r\nb0@else.example;\"Bob; fils\"\r\n", "a1@else.example\nb1@else.example", "Email,Name\na2@else.example,Anna\nb2@else.example,Bob\n", "a3@else.example\tAnna\nb3@else.example\tBob",
		} {
			page = alice.follow(alice.upload(path, page.submission(), content))
			if got := page.text("#messages"); got != "2 abonnés ajoutés." {
				t.Errorf("file %d: %q", i, got)
			}
		}
		refused := alice.upload(path, page.submission(), "rien\nrien non plus\nc@else.example")
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".errors"), "2 lignes") || refused.Find("#members").Text() != "rien\nrien non plus" || !strings.Contains(refused.text("#members-error"), "rien non plus") {
			t.Errorf("%d %s", refused.status, refused.text(".errors, .error"))
		}
		for what, c := range map[string]struct {
			submission, content string
			status              int
		}{
			"an empty file": {refused.submission(), "", 422}, "of another session": {"x", "d@else.example", 422}, "a picture": {refused.submission(), "\x89PNG\x00", 422}, "of 2 MB": {refused.submission(), strings.Repeat("a", 2<<20), 413},
		} {
			if a := alice.upload(path, c.submission, c.content); a.status != c.status {
				t.Errorf("%s: %d, want %d", what, a.status, c.status)
			}
		}
		if n := s.Int(t, "SELECT subscriber_count FROM lists WHERE local_part = 'clients'"); n != 9 {
			t.Errorf("%d subscribers", n)
		}
	})
}

func TestDeletingAListNamesTheLoss(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		alice.submit(newClients(t, alice), clients+"/members", url.Values{"members": {"a@else.example\nb@else.example"}})
		form := alice.get(clients + "/deletion")
		if text := form.text("main"); !strings.Contains(text, "2 abonnés sont oubliés") || !strings.Contains(text, "Garder la liste") {
			t.Errorf("the loss is not named: %s", text)
		}
		refused := alice.submit(form, clients+"/deletion", url.Values{"confirm": {"client"}})
		if refused.status != http.StatusUnprocessableEntity || refused.Find("#confirm").AttrOr("value", "") != "client" {
			t.Errorf("%d", refused.status)
		}
		done := alice.submit(refused, clients+"/deletion", url.Values{"confirm": {"clients"}})
		if got := alice.follow(done).text("#messages"); got != "clients@garrigue.example a été supprimée." {
			t.Errorf("message %q", got)
		}
		if gone := alice.get(clients); gone.status != http.StatusNotFound {
			t.Errorf("still there: %d", gone.status)
		}
	})
}

func TestSubscribersAsAFile(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		alice.submit(newClients(t, alice), clients+"/members", url.Values{"members": {"b@else.example\n=cmd@else.example\n+1@bücher.example"}})
		paris, err := time.LoadLocation("Europe/Paris") // Alice's and Bruno's
		if err != nil {
			t.Fatal(err)
		}
		day := s.Store.Now().In(paris).Format("2006-01-02")
		for _, who := range []string{cast.Alice, cast.Bruno} {
			file := s.as(t, who).get(clients + "/members.csv")
			if want := "\ufeffAdresse;Ajouté\r\n'+1@xn--bcher-kva.example;" + day + "\r\n'=cmd@else.example;" + day + "\r\nb@else.example;" + day + "\r\n"; file.body != want {
				t.Errorf("%q, want %q", file.body, want)
			}
			if got := file.header.Get("Content-Disposition"); got != "attachment; filename=garrigue.example-clients-subscribers.csv" {
				t.Errorf("file name %q", got)
			}
		}
		page := alice.get(clients + "/members")
		again := alice.upload(clients+"/members/file", page.submission(), alice.get(clients+"/members.csv").body)
		if got := alice.follow(again).text("#messages"); got != "3 adresses y étaient déjà, dont +1@bücher.example." {
			t.Errorf("the file read again: %q", got)
		}
		if p := page; p.Find(`a[href="`+clients+`/members.csv"]`).Length() != 1 {
			t.Error("the page does not offer the file")
		}
		if p := alice.get(clients + "/moderators"); p.Find(`a[href$=".csv"]`).Length() != 0 {
			t.Error("the page offers an empty file")
		}
	})
}
