package views_test

import (
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

func TestTheMailToTheOwnerOfAListSpeaksTheListsLanguage(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 27, 13, 2, 0, 0, time.UTC)
	for lang, want := range map[string][]string{
		"fr": {"Abonnés de équipe@été.example", "Bonjour,", "les 2 abonnés de la liste équipe@été.example", "bm1002-mdt l’a demandé", "(Europe/Paris)", "Adresse;Ajouté"},
		"en": {"Subscribers of équipe@été.example", "Hello,", "the 2 subscribers of the list équipe@été.example", "bm1002-mdt asked for it", "(Europe/Paris)", "Address;Added"},
	} {
		m := &models.MemberMail{
			Mailing: models.Mailing{ID: 1, Recipient: "rh@else.example", AskedAt: at}, AskedBy: "bm1002-mdt", TimeZone: "Europe/Paris",
			List:    &models.List{Address: "équipe@xn--t-9fab.example", Language: lang},
			Members: []models.Member{{Email: "=cmd@else.example", AddedAt: at}, {Email: "a@else.example", AddedAt: at}},
		}
		mail, err := views.MembersMail(m)
		if err != nil {
			t.Fatal(err)
		}
		all := mail.Subject + "\n" + mail.Text + "\n" + string(mail.File)
		for _, text := range append(want, " "+locale.From(locale.With(t.Context(), lang, paris)).DateTime(at)+" (", "'=cmd@else.example;2026-11-27\r\n", "a@else.example;2026-11-27\r\n") {
			if !strings.Contains(all, text) {
				t.Errorf("%s: no %q in\n%s", lang, text, all)
			}
		}
		if strings.ContainsAny(mail.FileName, "/\\ é") || !strings.HasSuffix(mail.FileName, "-subscribers.csv") {
			t.Errorf("%s: the file is %q", lang, mail.FileName)
		}
		m.Members, m.TimeZone = m.Members[:1], "nowhere"
		if mail, err = views.MembersMail(m); err != nil || !strings.Contains(mail.Text, "UTC") || strings.Contains(mail.Text, " 1 ") {
			t.Errorf("%s, one of them: %v %q", lang, err, mail.Text)
		}
	}
}
