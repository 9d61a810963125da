package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var factors = []Entry{
	{Name: "factors/none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return factorsPage(l, p, views.FactorsView{Factors: &models.Factors{}, Ways: models.WaysIn{Password: true}, Kept: true})
	}},
	{Name: "factors/filled", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return factorsPage(l, p, views.FactorsView{Factors: &models.Factors{Apps: apps(l)[:2], CodesLeft: 9, Devices: trusted()}, Kept: true})
	}},
	{Name: "factors/full", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return factorsPage(l, p, views.FactorsView{Factors: &models.Factors{Apps: apps(l), CodesLeft: 1}, Kept: true})
	}},
	{Name: "factors/bound", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return factorsPage(l, p, views.FactorsView{
			Factors: &models.Factors{Devices: trusted()}, Ways: models.WaysIn{Bound: true, Password: true, Passkeys: 1}, Kept: true,
			Passkeys: views.PasskeysView{Site: "panel.example.org", List: somePasskeys(l)[:1]},
		})
	}},
	{Name: "factors/removal-bound", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Title, p.Here = l.T("factor.remove"), "profile"
		return views.FactorRemovalPage(p, &f, views.FactorForm{Left: models.WaysIn{Bound: true, Password: true, Passkeys: 1}})
	}},
	{Name: "factors/staff", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		return factorsPage(l, p, views.FactorsView{
			Factors: &models.Factors{Apps: apps(l)[:1], CodesLeft: 10}, Ways: models.WaysIn{Agent: true, Bound: true, Password: true}, Kept: true, Provider: "Garrigue ID",
		})
	}},
	{Name: "factors/staff-without-key", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		return factorsPage(l, p, views.FactorsView{Factors: &models.Factors{Apps: apps(l)[:1], CodesLeft: 10}, Ways: models.WaysIn{Agent: true, Bound: true, Password: true}})
	}},
	{Name: "factors/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return newFactor(l, p, enrolment(), views.FactorForm{})
	}},
	{Name: "factors/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		bad := views.Errors{"name": {l.T("factor.name.none")}, "code": {l.T("factor.code.unconfirmed")}, "proof": {l.T("proof.wrong")}}
		return newFactor(l, p, enrolment(), views.FactorForm{Errors: bad, Proof: views.Proof{Needed: true, Password: true, Code: true}.With(bad)})
	}},
	{Name: "factors/new-without-key", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return newFactor(l, p, nil, views.FactorForm{})
	}},
	{Name: "factors/edit", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Title, p.Here = f.Name, "profile"
		return views.FactorPage(p, &f, views.FactorForm{Name: f.Name, Left: models.WaysIn{Password: true, Apps: 1}})
	}},
	{Name: "factors/removal", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Title, p.Here = l.T("factor.remove"), "profile"
		return views.FactorRemovalPage(p, &f, views.FactorForm{Left: models.WaysIn{Password: true}, Proof: views.Proof{Needed: true, Password: true, Code: true}})
	}},
	{Name: "factors/removal-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Title, p.Here, p.Refused = l.T("factor.remove"), "profile", true
		return views.FactorRemovalPage(p, &f, views.FactorForm{MustStay: l.T("factor.password_short", "Least", models.MinCustomerPassword)})
	}},
	{Name: "factors/removal-bare", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Title, p.Here = l.T("factor.remove"), "profile"
		return views.FactorRemovalPage(p, &f, views.FactorForm{Left: models.WaysIn{Links: 1}})
	}},
	{Name: "factors/edit-staff-last", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		p.Title, p.Here = f.Name, "profile"
		return views.FactorPage(p, &f, views.FactorForm{Name: f.Name, MustStay: l.T("factor.last")})
	}},
	{Name: "factors/removal-staff", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := apps(l)[0]
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		p.Title, p.Here = l.T("factor.remove"), "profile"
		return views.FactorRemovalPage(p, &f, views.FactorForm{Left: models.WaysIn{Agent: true, Bound: true, Password: true, Passkeys: 1}})
	}},
	{Name: "factors/recovery", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("recovery.make"), "profile"
		return views.NewRecoveryCodesPage(p, views.FactorForm{})
	}},
	{Name: "factors/recovery-codes", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("recovery.title"), "profile"
		return views.RecoveryCodesPage(p, recoveryCodes(), views.FactorsPath)
	}},
	{Name: "factors/challenge", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.challenge.heading"), views.Viewer{}
		return views.SignInFactorPage(p, &models.Pending{Identifier: "ad1001-mdt", MayTrust: true, Code: true}, views.SignInFactorForm{Next: "/services"})
	}},
	{Name: "factors/challenge-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("factor.challenge.heading"), views.Viewer{}, true
		return views.SignInFactorPage(p, &models.Pending{Identifier: "ad1001-mdt", MayTrust: true, Code: true}, views.SignInFactorForm{Trust: true, Errors: views.Errors{"code": {l.T("factor.code.wrong")}}})
	}},
	{Name: "factors/challenge-staff", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.challenge.heading"), views.Viewer{}
		return views.SignInFactorPage(p, &models.Pending{Identifier: "sam-support", Code: true}, views.SignInFactorForm{})
	}},
	{Name: "factors/challenge-passkey", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.challenge.passkey_heading"), views.Viewer{}
		return views.SignInFactorPage(p, &models.Pending{Identifier: "ad1001-mdt", MayTrust: true}, views.SignInFactorForm{Passkey: true})
	}},
	{Name: "factors/challenge-either", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.challenge.heading"), views.Viewer{}
		return views.SignInFactorPage(p, &models.Pending{Identifier: "ad1001-mdt", Code: true}, views.SignInFactorForm{Passkey: true})
	}},
	{Name: "factors/staff-first", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.enrol.heading"), views.Viewer{}
		return views.SignInEnrolPage(p, &models.Pending{Identifier: "sam-support", Enrol: true, Enrolment: enrolment()}, views.SignInFactorForm{})
	}},
	{Name: "factors/staff-first-without-key", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("factor.enrol.heading"), views.Viewer{}
		return views.SignInEnrolPage(p, &models.Pending{Identifier: "sam-support", Enrol: true}, views.SignInFactorForm{})
	}},
	{Name: "factors/staff-recovery-codes", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here, p.Viewer = l.T("recovery.title"), "profile", views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		return views.RecoveryCodesPage(p, recoveryCodes(), views.HomePath)
	}},
}

func factorsPage(l *locale.Locale, p views.Page, v views.FactorsView) templ.Component {
	p.Title, p.Here, p.Path = l.T("factor.title"), "profile", views.FactorsPath
	return views.FactorsPage(p, v)
}

func newFactor(l *locale.Locale, p views.Page, e *models.Enrolment, f views.FactorForm) templ.Component {
	p.Title, p.Here, p.Path = l.T("factor.enrol.heading"), "profile", views.NewFactorPath
	return views.NewFactorPage(p, e, f)
}

func apps(l *locale.Locale) []models.Factor {
	used := Now.Add(-3 * time.Hour)
	return []models.Factor{
		{ID: 1, Name: say(l, "Téléphone", "Phone"), CreatedAt: Now.AddDate(0, -2, 0), UsedAt: &used},
		{ID: 2, Name: "<i>KeePassXC</i>", CreatedAt: Now.AddDate(0, 0, -1)},
		{ID: 3, Name: say(l, "Tablette", "Tablet"), CreatedAt: Now},
	}
}

func trusted() []models.TrustedDevice {
	return []models.TrustedDevice{
		{ID: 1, UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0", Peer: "192.0.2.17", CreatedAt: Now.AddDate(0, 0, -4), SeenAt: Now, ExpiresAt: Now.AddDate(0, 0, 26)},
		{ID: 2, UserAgent: "<script>alert(1)</script>", Peer: "2001:db8::17", CreatedAt: Now.AddDate(0, 0, -20), SeenAt: Now.AddDate(0, 0, -9), ExpiresAt: Now.AddDate(0, 0, 10)},
	}
}

func enrolment() *models.Enrolment {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	return &models.Enrolment{Secret: secret, URL: "otpauth://totp/Mandat:ad1001-mdt?issuer=Mandat&secret=" + secret, Sealed: "c2VhbGVk"}
}

func recoveryCodes() []string {
	return []string{
		"k7fp-m3xw-z9rt-hacd-m3xw-z9rt", "2b4d-6f8h-jkmn-pqrs-6f8h-jkmn", "tuvw-xyz2-3456-789a-xyz2-3456", "bcde-fghj-kmnp-qrst-fghj-kmnp", "uvwx-yz23-4567-89ab-yz23-4567",
		"cdef-ghjk-mnpq-rstu-ghjk-mnpq", "vwxy-z234-5678-9abc-z234-5678", "defg-hjkm-npqr-stuv-hjkm-npqr", "wxyz-2345-6789-abcd-2345-6789", "efgh-jkmn-pqrs-tuvw-jkmn-pqrs",
	}
}
