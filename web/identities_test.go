package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAPanelStartsWithoutItsProvider(t *testing.T) {
	t.Parallel()
	p := demoPanel(t, "MANDAT_OIDC_ISSUER=https://sso.mandat.invalid", "MANDAT_OIDC_CLIENT_ID=mandat")
	c := newClient(t)
	if status, body := c.get(p, "/sign-in"); status != http.StatusOK || !strings.Contains(body, "sso.mandat.invalid") {
		t.Errorf("the sign-in page: %d", status)
	}
	if status, _ := c.post(p, "/session/oidc", url.Values{"next": {"/"}}); status != http.StatusSeeOther {
		t.Errorf("the button: %d", status)
	}
	if status, _ := c.get(p, "/session/oidc"); status != http.StatusServiceUnavailable {
		t.Errorf("the way there: %d", status)
	}
	p.tells(t, "sign-on refused")
	signedIn(t, p, "ad1001-mdt")
}
