package handlers_test

import (
	"strconv"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// passkeysMatrix is the part of the matrix about passkeys. What a browser signs
// is no text to write down here: see passkeys_test.go.
const passkeysMatrix = `
POST /session/passkey/challenge
	-                  200   200   200   200   200   200   200
POST /session/passkey fill passkey={}&next=/services
	-                  422   422   422   422   422   422   422
POST /session/factor/challenge
	-                  in    in    in    in    in    in    in

GET /profile/passkeys/new
	-                  200   200   200   200   200   200   in
POST /profile/passkeys/challenge fill name=Mobile
	-                  200   200   200   200   200   200   in
POST /profile/passkeys from /profile/passkeys/new fill name=Mobile&passkey={}
	-                  422   422   422   422   422   422   in
GET /profile/passkeys/:id
	passkey-of-Alice   200   404   404   404   404   404   in
	passkey-of-Sam     404   404   404   404   404   200   in
	passkey-of-nobody  404   404   404   404   404   404   in
POST /profile/passkeys/:id from /profile/passkeys/:id fill name=Portable writes passkey.renamed
	passkey-of-Alice   done  404   404   404   404   404   in
	passkey-of-Sam     404   404   404   404   404   done  in
	passkey-of-nobody  404   404   404   404   404   404   in
GET /profile/passkeys/:id/removal
	passkey-of-Alice   200   404   404   404   404   404   in
	passkey-of-Sam     404   404   404   404   404   200   in
	passkey-of-nobody  404   404   404   404   404   404   in
POST /profile/passkeys/:id/removal from /profile/passkeys/:id/removal writes passkey.removed
	passkey-of-Alice   done  404   404   404   404   404   in
	passkey-of-Sam     404   404   404   404   404   done  in
	passkey-of-nobody  404   404   404   404   404   404   in
POST /profile/proof/challenge
	-                  200   422   422   422   422   200   in
`

// putPasskeys gives Alice and Sam a passkey.
func putPasskeys(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	m.ids["passkey-of-nobody"] = 1 << 40
	for name, of := range map[string]string{"Alice": cast.Alice, "Sam": cast.Sam} {
		m.as(t, of).addPasskey(m.authenticator(), "Bureau")
		id, err := strconv.ParseInt(texts(t, w, "SELECT CAST(max(id) AS text) FROM passkeys")[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.ids["passkey-of-"+name] = id
	}
}
