package views

import (
	"testing"

	"example.org/mandat/models"
)

// Whoever is bound to a second factor keeps one: customers too, where the operator says so.
func TestWhatIsLeftWithoutAnAppIsSaidOfWhomeverIsBound(t *testing.T) {
	for what, c := range map[string]struct {
		left         models.WaysIn
		none, remove string
		trusts       bool
	}{
		"a customer by password":          {models.WaysIn{Password: true}, "factor.none", "factor.remove_last", false},
		"a customer by a link":            {models.WaysIn{Links: 1}, "factor.none_bare", "factor.remove_last_bare", false},
		"a bound customer with a passkey": {models.WaysIn{Bound: true, Password: true, Passkeys: 1}, "factor.none_bound", "factor.remove_last_bound", true},
		"an agent with a passkey":         {models.WaysIn{Agent: true, Bound: true, Password: true, Passkeys: 1}, "factor.none_bound", "factor.remove_last_bound", false},
		"an agent by a link":              {models.WaysIn{Agent: true, Bound: true, Links: 1, Passkeys: 1}, "factor.none_yet", "factor.remove_last_bare", false},
	} {
		v := FactorsView{Factors: &models.Factors{}, Ways: c.left}
		if v.none() != c.none || (FactorForm{Left: c.left}).lastApp() != c.remove || v.mayTrust() != c.trusts {
			t.Errorf("%s: %s, %s, %v", what, v.none(), FactorForm{Left: c.left}.lastApp(), v.mayTrust())
		}
	}
}
