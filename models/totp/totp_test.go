package totp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/totp"
)

// The secret of RFC 6238's appendix B, whose codes there have eight digits: the last six are ours.
const rfc = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func TestCodesAreThoseOfTheStandard(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got, err := totp.Code(rfc, time.Unix(at, 0)); got != want || err != nil {
			t.Errorf("at %d: %s %v, want %s", at, got, err, want)
		}
	}
}

func TestACodeIsOfItsPeriodAndThoseBesideIt(t *testing.T) {
	at := time.Unix(1_800_000_015, 0)
	for _, c := range []struct {
		moved time.Duration
		ok    bool
	}{{-2 * totp.Period, false}, {-totp.Period, true}, {0, true}, {totp.Period, true}, {2 * totp.Period, false}} {
		code, err := totp.Code(rfc, at.Add(c.moved))
		if err != nil {
			t.Fatal(err)
		}
		step, ok, err := totp.Match(rfc, code, at, 0)
		if err != nil || ok != c.ok || ok && step != totp.Step(at.Add(c.moved)) {
			t.Errorf("%v from its period: %d %t %v", c.moved, step, ok, err)
		}
		if _, again, _ := totp.Match(rfc, code, at, step); ok && again {
			t.Errorf("%v from its period: the code works twice", c.moved)
		}
	}
}

func TestWhatIsNoSecretIsAnError(t *testing.T) {
	if _, _, err := totp.Match("not base32!", "123456", time.Now(), 0); err == nil {
		t.Error("no error")
	}
}

func TestAnAppReadsTheSecretFromItsURL(t *testing.T) {
	secret := totp.NewSecret()
	u, err := url.Parse(totp.URL("Mandat & Fils", "ab1234-mdt", secret))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Mandat & Fils:ab1234-mdt" {
		t.Fatalf("%v %v", u, err)
	}
	if q := u.Query(); q.Get("secret") != secret || q.Get("issuer") != "Mandat & Fils" || strings.Contains(u.RawQuery, "+") {
		t.Errorf("query %s", u.RawQuery)
	}
	if other := totp.NewSecret(); len(secret) != 32 || other == secret {
		t.Errorf("secrets %s and %s", secret, other)
	}
}
