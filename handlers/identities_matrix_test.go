package handlers_test

import (
	"fmt"
	"strconv"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// identitiesMatrix is the part of the matrix about signing in at a provider.
// Nobody on the stage is on the way there.
const identitiesMatrix = `
GET /session/ended
	-                   303   303   303   303   303   303   303
POST /session/oidc from /sign-in fill next=/services
	-                   303   303   303   303   303   303   303
GET /session/oidc
	-                   303   303   303   303   303   303   303
GET /session/oidc/callback?code=x&state=y
	-                   200   200   200   200   200   200   200
POST /session/oidc/callback fill code=x&state=y
	-                   422   422   422   422   422   422   422

GET /profile/identities
	-                   200   200   200   200   200   200   in
POST /profile/identities from /profile/identities
	-                   303   303   303   303   303   303   in
GET /profile/identities/proof?next=/profile
	-                   200   200   200   200   200   200   in
GET /profile/identities/:id/removal
	identity-of-Alice   200   404   404   404   404   404   in
	identity-of-Sam     404   404   404   404   404   200   in
	identity-of-nobody  404   404   404   404   404   404   in
POST /profile/identities/:id/removal from /profile/identities/:id/removal writes identity.unlinked
	identity-of-Alice   done  404   404   404   404   404   in
	identity-of-Sam     404   404   404   404   404   done  in
	identity-of-nobody  404   404   404   404   404   404   in
`

// putIdentities links Alice and Sam with what the provider knows.
func putIdentities(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	m.ids["identity-of-nobody"] = 1 << 40
	for name, identifier := range map[string]string{"Alice": cast.Alice, "Sam": cast.Sam} {
		m.linkWith(t, identifier, "the subject of "+name, m.provider)
		id, err := strconv.ParseInt(texts(t, w, fmt.Sprintf("SELECT CAST(i.id AS text) FROM identities i WHERE i.subject = 'the subject of %s'", name))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.ids["identity-of-"+name] = id
	}
}
