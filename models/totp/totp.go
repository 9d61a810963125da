// Package totp is the codes that authenticator apps show (RFC 6238), in the one
// form that all of them know: six digits of SHA-1, for thirty seconds each.
//
// The library's own check says only that a code is right. Here it says of which
// thirty seconds, since a code may work once.
package totp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	// Digits is how long a code is.
	Digits = 6
	// Period is how long an app shows a code.
	Period = 30 * time.Second
	// Window is how many periods a clock may be behind or ahead.
	Window = 1
	// secretSize is what RFC 4226 recommends, in octets.
	secretSize = 20
)

// NewSecret makes a secret, in the letters in which people copy it to an app.
func NewSecret() string {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return base32.StdEncoding.EncodeToString(b)
}

// URL is the secret as apps read it from a QR code. It names who issued it and
// whose it is.
func URL(issuer, person, secret string) string {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + person}
	// Apps read %20 everywhere, and + not everywhere.
	u.RawQuery = strings.ReplaceAll(url.Values{"secret": {secret}, "issuer": {issuer}}.Encode(), "+", "%20")
	return u.String()
}

// Code is what an app with this secret shows at a moment. An error says that
// the secret is none.
func Code(secret string, at time.Time) (string, error) { return code(secret, Step(at)) }

// Step numbers the periods.
func Step(at time.Time) int64 { return at.Unix() / int64(Period/time.Second) }

func code(secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}

// Match says whether the code belongs to the secret at a moment, to which
// period, and that this one is later than after. An error says that the secret
// is none.
func Match(secret, typed string, at time.Time, after int64) (step int64, ok bool, err error) {
	for s := Step(at) - Window; s <= Step(at)+Window; s++ {
		want, err := code(secret, s)
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(typed)) == 1 && s > after {
			step, ok = s, true
		}
	}
	return step, ok, nil
}
