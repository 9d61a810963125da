package handlers_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// table reads a file as a spreadsheet does.
func (a *answer) table(t *testing.T) [][]string {
	t.Helper()
	text, marked := strings.CutPrefix(a.body, "\uFEFF")
	if !marked {
		t.Error("no byte order mark")
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return rows
}

func TestTheOwnerExportsTheirAddresses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		a := alice.get(alice.get(emails+"?size=100").Find(`a[href*="emails.csv"]`).AttrOr("href", "?"))
		if a.status != http.StatusOK || a.header.Get("Content-Disposition") != "attachment; filename=garrigue.example-emails.csv" || a.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
			t.Errorf("%d %q %q", a.status, a.header.Get("Content-Disposition"), a.header.Get("Content-Type"))
		}
		rows := a.table(t)
		if got, want := strings.Join(rows[0], "|"), "Adresse|Description|Taille (octets)|Utilisé (octets)|État|Gérée par"; got != want {
			t.Errorf("heading %q, want %q", got, want)
		}
		if got, want := len(rows)-1, alice.get(emails+"?size=100").Find("tbody tr").Length(); got != want {
			t.Errorf("%d rows, the list has %d", got, want)
		}
		for _, row := range rows[1:] {
			if row[0] == "accueil@garrigue.example" && row[5] != cast.Chloe {
				t.Errorf("managed by %q", row[5])
			}
		}
	})
}

func TestTheExportHasTheFiltersOfTheList(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.get(emails + "?q=compta&status=active")
		if got := alice.get(page.Find(`a[href*="emails.csv"]`).AttrOr("href", "?")).table(t); len(got)-1 != page.Find("tbody tr").Length() || len(got) < 2 {
			t.Errorf("%d rows, want %d", len(got)-1, page.Find("tbody tr").Length())
		}
		if a := alice.get(emails + ".csv?status=none"); a.status != http.StatusBadRequest {
			t.Errorf("an unknown filter: %d", a.status)
		}
	})
}

func TestADelegateExportsTheirOwnAndIsNotToldWhoElseManages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for who, want := range map[string]int{cast.Chloe: 2, cast.Bruno: 20} {
			rows := s.as(t, who).get(emails + ".csv").table(t)
			if who == cast.Chloe && len(rows)-1 != want || len(rows)-1 < want {
				t.Errorf("%s gets %d rows", who, len(rows)-1)
			}
			for _, row := range rows[1:] {
				if row[5] != "" {
					t.Errorf("%s is told of %q", who, row[5])
				}
			}
		}
	})
}

func TestNoCellIsAFormula(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for local, description := range map[string]string{
			"un": `=HYPERLINK("http://attack.example";"x")`, "deux": "+33 1 23", "trois": "-1+1", "quatre": "@SUM(A1)", "cinq": `a;b "c"`, "-six": "=1",
		} {
			if _, err := s.Store.CreateAccount(t.Context(), s.Actor(t, cast.David), cast.Velos, models.NewAccount{Local: local, Description: description}); err != nil {
				t.Fatal(err)
			}
		}
		found := map[string]string{}
		for _, row := range s.as(t, cast.David).get("/services/nguyen-velos.example/emails.csv").table(t)[1:] {
			found[row[0]] = row[1]
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
					t.Errorf("a formula: %q", cell)
				}
			}
		}
		for address, want := range map[string]string{"un": `'=HYPERLINK("http://attack.example";"x")`, "cinq": `a;b "c"`, "'-six": "'=1"} {
			if got := found[address+"@nguyen-velos.example"]; got != want {
				t.Errorf("%s: %q, want %q", address, got, want)
			}
		}
	})
}
