package views

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// FactorForm is what is typed to add or rename an authenticator app. A code
// never comes back.
type FactorForm struct {
	Name   string
	Sealed string // the enrolment that the page shows
	Proof  Proof
	Errors Errors

	Left     models.WaysIn // without the app that the page is about
	MustStay string        // why it is not to be removed; "" when it may
}

// FactorsView is the second factors of the reader.
type FactorsView struct {
	*models.Factors
	Ways models.WaysIn
	Kept bool // the operator has given the key that they need

	Passkeys PasskeysView
	Provider string // that an agent can link; "" for none
}

// Any says that there is a second factor.
func (v FactorsView) Any() bool { return len(v.Apps) > 0 }

// mayTrust says that browsers of the reader can be trusted, or are.
func (v FactorsView) mayTrust() bool {
	return !v.Ways.Agent && (v.Any() || v.Ways.Bound || len(v.Devices) > 0)
}

// none says what is asked for while there is no app.
func (v FactorsView) none() string {
	switch {
	case v.Ways.Bound && v.Ways.Passkeys > 0 && v.Ways.Password:
		return "factor.none_bound"
	case v.Ways.Bound:
		return "factor.none_yet"
	case v.Ways.Password:
		return "factor.none"
	}
	return "factor.none_bare"
}

// lastApp says what goes with an app when it is the last; "" when it is not.
func (f FactorForm) lastApp() string {
	switch {
	case f.Left.Apps > 0:
		return ""
	case f.Left.Bound && f.Left.Password:
		return "factor.remove_last_bound"
	case f.Left.Password:
		return "factor.remove_last"
	}
	return "factor.remove_last_bare"
}

// Full says that there are as many apps as there may be.
func (v FactorsView) Full() bool { return len(v.Apps) >= models.MaxFactors }

// quiet is the border that readers of QR codes need, in modules.
const quiet = 4

// qrCode is a text as a QR code: the dark modules as the path of an SVG, and the
// side of its square, both in modules. The path is "" for a text that is too long.
func qrCode(text string) (path string, side int) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0
	}
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := 0; x < size; x++ {
			n := 0
			for x+n < size && code.At(x+n, y) == color.Black {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n)
				x += n
			}
		}
	}
	return b.String(), size + 2*quiet
}

// used is when an app was last used, in words.
func used(l *locale.Locale, f *models.Factor) string {
	if f.UsedAt == nil {
		return l.T("factor.unused", "Since", l.DateTime(f.CreatedAt))
	}
	return l.T("factor.used", "Since", l.DateTime(f.CreatedAt), "Seen", l.DateTime(*f.UsedAt))
}

// factorCrumbs lead from the profile, which staff does not have, to a page below the factors.
func factorCrumbs(l *locale.Locale, p Page, here string) []ui.Crumb {
	var crumbs []ui.Crumb
	if !p.Viewer.Agent {
		crumbs = append(crumbs, ui.Crumb{Label: l.T("profile.title"), Path: ProfilePath})
	}
	if here == "" {
		return append(crumbs, ui.Crumb{Label: l.T("factor.title")})
	}
	return append(crumbs, ui.Crumb{Label: l.T("factor.title"), Path: FactorsPath}, ui.Crumb{Label: here})
}

// grouped parts a secret into groups of four, as people read it aloud.
func grouped(secret string) string {
	var groups []string
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	return strings.Join(append(groups, secret), " ")
}
