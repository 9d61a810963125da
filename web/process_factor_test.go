package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/totp"
)

func TestACustomerAddsASecondFactorWhereEverybodyMust(t *testing.T) {
	t.Parallel()
	p := start(t, "serve --demo", "MANDAT_DATA_DIR="+t.TempDir(), "MANDAT_SECOND_FACTOR=everybody")
	c := signedIn(t, p, cast.Emma)
	if status, _ := c.get(p, "/services"); status != http.StatusSeeOther {
		t.Errorf("the password alone opens the panel: %d", status)
	}
	status, page := c.get(p, "/session/factor")
	secret := regexp.MustCompile(`secret=([A-Z2-7]{32})`).FindStringSubmatch(page)
	sealed := regexp.MustCompile(`name="secret" value="([^"]+)"`).FindStringSubmatch(page)
	if status != http.StatusOK || secret == nil || sealed == nil {
		t.Fatalf("%d %s", status, page)
	}
	code, err := totp.Code(secret[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	form := c.form(p, "/session/factor", url.Values{"secret": {sealed[1]}, "name": {"Phone"}, "code": {code}})
	if status, page = c.post(p, "/session/factor", form); status != http.StatusOK || !strings.Contains(page, `id="recovery-codes"`) {
		t.Errorf("%d %s", status, page)
	}
	if status, _ := c.get(p, "/services"); status != http.StatusOK {
		t.Errorf("with the second factor: %d", status)
	}
	again := signedIn(t, p, cast.Emma)
	if _, page := again.get(p, "/session/factor"); strings.Contains(page, `name="secret"`) || !strings.Contains(page, `name="code"`) {
		t.Errorf("the next time: %s", page)
	}
	if status, _ := again.get(p, "/services"); status != http.StatusSeeOther {
		t.Errorf("the password alone opens the panel the next time: %d", status)
	}
}
