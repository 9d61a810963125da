package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

const uploads = "/services/" + cast.Garrigue + "/uploads/"

// working has a worker at the site's jobs for the rest of the test.
func (s *site) working(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Store.Work(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// finished looks at the page of a file until no job works at it.
func (v *visitor) finished(a *answer) *answer {
	v.t.Helper()
	for late := time.After(20 * time.Second); ; {
		page := v.follow(a)
		if page.Find("[hx-trigger]#upload, #upload [hx-get]").Length() == 0 {
			return page
		}
		select {
		case <-late:
			v.t.Fatalf("not after 20 seconds: %s", page.text("main"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestAFileIsCheckedThenDone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.working(t)
		alice := s.as(t, cast.Alice)
		form := alice.get(uploads + "accounts")
		if !strings.Contains(alice.get("/services/"+cast.Garrigue+"/emails").body, uploads+"accounts") || !strings.Contains(alice.get("/services/"+cast.Garrigue+"/redirections").body, uploads+"redirections") {
			t.Error("the lists do not lead to the import")
		}
		page := alice.finished(alice.upload(uploads+"accounts", form.submission(), "\ufeffAdresse;Description;Taille (Go)\r\nnouvelle;\"Accueil; bis\";2,5\r\ncontact@garrigue.example;Le contact;\r\n"))
		if got := page.texts(".figures a"); got != "2 Toutes les lignes | 1 sera créée | 1 sera modifiée" {
			t.Errorf("the figures: %q", got)
		}
		if got := page.text("table"); !strings.Contains(got, "nouvelle@garrigue.example") || !strings.Contains(got, "Accueil; bis") || !strings.Contains(got, "Ligne 3") {
			t.Errorf("the lines: %q", got)
		}
		if s.Int(t, "SELECT count(*) FROM accounts WHERE local_part = 'nouvelle'") != 0 {
			t.Error("it is done before it was said")
		}
		button := page.Find("form[action$='/application'] button")
		if got := strings.TrimSpace(button.Text()); got != "Importer 2 lignes" {
			t.Errorf("the button says %q", got)
		}
		page = alice.finished(alice.submit(page, page.Find("form[action$='/application']").AttrOr("action", ""), nil))
		if got := page.text(".message"); !strings.HasPrefix(got, "C’est fait") {
			t.Errorf("it says %q", got)
		}
		settings := alice.get("/services/" + cast.Garrigue + "/emails/nouvelle")
		if got := settings.Find("[name=description]").AttrOr("value", "") + " " + settings.Find("[name=size_gb]").AttrOr("value", ""); got != "Accueil; bis 2,5" {
			t.Errorf("made %q", got)
		}
		if got := alice.get(uploads + "accounts").texts(".list li"); !strings.Contains(got, "2 lignes") || !strings.HasSuffix(got, "fait") {
			t.Errorf("the last files: %q", got)
		}
	})
}

// What the panel exports it reads again, in either language, and finds that
// nothing is to be done.
func TestAnExportedFileIsReadAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.working(t)
		for local, description := range map[string]string{"rh": "=1+1", "devis": "'=1+1", "accueil": "'", "compta": strings.Repeat(";", models.MaxDescription)} {
			s.Exec(t, "UPDATE accounts SET description = $1 WHERE address = $2", description, local+"@"+cast.Garrigue)
		}
		for _, who := range []string{cast.Alice, cast.Bruno} {
			v := s.as(t, who)
			if who == cast.Bruno {
				v.post("/preferences", url.Values{"submission": {v.get("/services").submission()}, "lang": {"en"}, "next": {"/"}})
			}
			for _, kind := range []struct{ page, file string }{{"accounts", "emails.csv"}, {"redirections", "redirections.csv"}} {
				file := v.get("/services/" + cast.Garrigue + "/" + kind.file)
				page := v.finished(v.upload(uploads+kind.page, v.get(uploads+kind.page).submission(), file.body))
				lines := strings.Count(file.body, "\r\n") - 1
				if got := page.texts(".figures a b"); got != fmt.Sprintf("%d | %d", lines, lines) || lines < 3 {
					t.Errorf("%s by %s: %q\n%s", kind.file, who, got, page.text("main"))
				}
			}
		}
	})
}

func TestAFileThatIsNoneIsRefusedWithItsReason(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, c := range []struct{ kind, what, content, say string }{
			{"accounts", "nothing", "", "Choisissez un fichier"},
			{"accounts", "only a heading", "adresse;description\r\n\r\n;;\r\n", "Choisissez un fichier"},
			{"accounts", "no heading", "contact@garrigue.example;Le contact\r\n", "La première ligne doit nommer les colonnes, dont « Adresse »"},
			{"accounts", "another column", "adresse;prénom\r\na;b", "« prénom » n’est pas une colonne connue"},
			{"accounts", "markup for a column", "adresse;<script>alert(1)</script>\r\na;b", "« <script>alert(1)</script> » n’est pas une colonne connue"},
			{"accounts", "a column twice", "adresse;Address\r\na;b", "Deux colonnes s’appellent « address »"},
			{"accounts", "passwords", "adresse,mot de passe\r\na,b", "Les mots de passe ne se lisent pas"},
			{"accounts", "a quote left open", "adresse;description\r\na;\"b\r\nc;d\r\n", "Ligne 2 : un guillemet"},
			{"accounts", "a cell too long", "adresse\ta\r\nx\t" + strings.Repeat("y", 20_000), "n’est pas une colonne connue"},
			{"accounts", "a description too long for a cell", "adresse;description\r\nx;" + strings.Repeat("y", 20_000), "Ligne 2 : une cellule"},
			{"accounts", "separators alone", "adresse" + strings.Repeat(";", 1_000_000), "plus de 200 colonnes"},
			{"accounts", "separators on both sides of a line end in quotes", "adresse;description\na" + strings.Repeat(strings.Repeat(";", 150)+"\"\n\"", 3), "plus de 200 colonnes"},
			{"accounts", "too many lines", "adresse\r\n" + strings.Repeat("a\r\n", models.MaxUploadLines+1), "plus de 50"},
			{"redirections", "no source", "destinations\r\na", "dont « Adresse »"},
			{"redirections", "the targets missing", "adresse\r\na", "dont « Destinations »"},
		} {
			a := alice.upload(uploads+c.kind, alice.get(uploads+c.kind).submission(), c.content)
			if a.status != http.StatusUnprocessableEntity || !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(a.text(".errors"), "\u202f", " "), "\u00a0", " "), c.say) {
				t.Errorf("%s: %d %q", c.what, a.status, a.text(".errors"))
			}
			wantOurs(t, c.what, a, http.StatusUnprocessableEntity)
		}
		if n := s.Int(t, "SELECT count(*) FROM uploads"); n != 0 {
			t.Errorf("%d of them were taken", n)
		}
		form := alice.get(uploads + "accounts")
		for name, say := range map[string]string{
			"adresses.xlsx": "« adresses.xlsx » n’est pas un CSV d’après son nom", "adresses.csv.exe": "« adresses.csv.exe » n’est pas", "adresses": "« adresses » n’est pas", ".": "n’est pas un CSV",
			strings.Repeat("é", 5_000) + ".pdf": "« " + strings.Repeat("é", 60) + " » n’est pas", "<img src=x onerror=alert(1)>.html": "« <img src=x onerror=alert(1)>.html » n’est pas", "adresses.CSV": "",
		} {
			a := alice.uploadAs(name, uploads+"accounts", form.submission(), "adresse\r\na;b\r\n"+map[bool]string{true: "\x00"}[say == ""])
			if say == "" { // the name is right, the content is none
				say = "« adresses.CSV » ne contient pas de texte"
			}
			if got := strings.ReplaceAll(a.text(".errors"), "\u202f", " "); a.status != http.StatusUnprocessableEntity || !strings.Contains(got, say) {
				t.Errorf("%.40s: %d %q", name, a.status, got)
			}
			wantOurs(t, name, a, http.StatusUnprocessableEntity)
		}
		for what, a := range map[string]*answer{
			"of 11 MB":           alice.upload(uploads+"accounts", form.submission(), "adresse\r\n"+strings.Repeat("a", 12_000_000)),
			"of 2 MB of members": alice.upload("/services/"+cast.Garrigue+"/lists/x/members/file", form.submission(), strings.Repeat("a", 2<<20)),
		} {
			wantOurs(t, what, a, http.StatusRequestEntityTooLarge)
		}
		if a := alice.upload(uploads+"accounts", "x", "adresse\r\na"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("of another session: %d", a.status)
		}
	})
}

// Spreadsheets write what they like.
func TestAFileInAnOlderAlphabet(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.working(t)
		alice := s.as(t, cast.Alice)
		for i, content := range []string{
			"adresse;description\r\nalphabet0;\xc9t\xe9 \x80\r\n", // Windows-1252
			"\xff\xfe" + strings.TrimPrefix(inUTF16("adresse\tdescription\r\nalphabet1\tÉté €\r\n"), "\xff\xfe"),
			"adresse,description\nalphabet2,Été €",
		} {
			page := alice.finished(alice.upload(uploads+"accounts", alice.get(uploads+"accounts").submission(), content))
			if got := page.text("tbody"); !strings.Contains(got, "Été €") || !strings.Contains(got, fmt.Sprintf("alphabet%d@", i)) {
				t.Errorf("file %d: %q", i, got)
			}
		}
	})
}

// A page that asks for itself does not keep its reader signed in.
func TestLookingAtProgressIsNoActivity(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		sent := alice.upload(uploads+"accounts", alice.get(uploads+"accounts").submission(), "adresse\r\nneuve")
		s.Clock.Move(models.IdleFor / 2)
		for range 3 {
			if a := alice.get(sent.location, "HX-Request", "true", "HX-Target", "div#upload"); a.status != http.StatusOK || a.Find("html > head > title").Length() > 0 {
				t.Fatalf("%d: %s", a.status, a.body)
			}
		}
		s.Clock.Move(models.IdleFor/2 + time.Minute)
		if a := alice.get(sent.location, "HX-Request", "true", "HX-Target", "div#upload"); a.status != http.StatusUnauthorized {
			t.Errorf("still signed in: %d", a.status)
		}
	})
}
