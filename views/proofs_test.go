package views_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// A page may ask for a proof in several forms.
func TestNoIDOfAProofIsTwiceOnAPage(t *testing.T) {
	for what, proof := range map[string]views.Proof{
		"a password or a passkey": {Needed: true, Password: true, Passkey: true},
		"a passkey alone":         {Needed: true, Passkey: true},
		"a provider alone":        {Needed: true, Elsewhere: "/profile/identities/proof"},
	} {
		form := views.NewConsentForm()
		form.Proof = proof
		var b bytes.Buffer
		v := views.ConsentView{Support: &models.Support{Open: []models.Assistance{{ID: 12, Consent: models.ByRequest}}}, Form: form, Now: time.Now()}
		if err := views.ConsentPage(views.Page{}, v).Render(locale.With(t.Context(), "en", time.UTC), &b); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			if id := s.AttrOr("id", ""); ids[id] {
				t.Errorf("%s: the id %q is there twice", what, id)
			} else {
				ids[id] = true
			}
		})
		doc.Find("[data-passkey]").Each(func(_ int, s *goquery.Selection) {
			if s.Closest("form").Find(`input[name="`+s.AttrOr("data-field", "")+`"]`).Length() != 1 {
				t.Errorf("%s: a button without its field", what)
			}
		})
		if typed := doc.Find("[name=proof]").Length() > 0; typed != proof.Password {
			t.Errorf("%s: something is to be typed: %v", what, typed)
		}
	}
}
