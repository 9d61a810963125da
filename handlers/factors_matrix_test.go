package handlers_test

import (
	"strconv"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// factorsMatrix is the part of the matrix about second factors. The code of a
// new app is the one that its page leads to: see formFor.
const factorsMatrix = `
GET /profile/factors
	-                  200   200   200   200   200   200   in
GET /profile/factors/new
	-                  200   200   200   200   200   200   in
POST /profile/factors from /profile/factors/new fill name=Phone writes factor.added
	-                  acted acted acted done  acted done  in
GET /profile/factors/:id
	factor-of-David    404   404   404   200   404   404   in
	factor-of-Sam      404   404   404   404   404   200   in
	factor-of-nobody   404   404   404   404   404   404   in
POST /profile/factors/:id from /profile/factors/:id fill name=Old+phone writes factor.renamed
	factor-of-David    404   404   404   done  404   404   in
	factor-of-Sam      404   404   404   404   404   done  in
	factor-of-nobody   404   404   404   404   404   404   in
GET /profile/factors/:id/removal
	factor-of-David    404   404   404   200   404   404   in
	factor-of-Sam      404   404   404   404   404   200   in
	factor-of-nobody   404   404   404   404   404   404   in
POST /profile/factors/:id/removal from /profile/factors/:id/removal writes factor.removed
	factor-of-David    404   404   404   done  404   404   in
	factor-of-Sam      404   404   404   404   404   done  in
	factor-of-nobody   404   404   404   404   404   404   in
GET /profile/recovery-codes
	-                  404   404   404   200   404   200   in
POST /profile/recovery-codes from /profile/recovery-codes writes recovery_codes.made
	-                  404   404   404   acted 404   acted in
POST /profile/devices/removal from /profile/factors writes trusted_device.removed
	-                  303   303   303   done  303   403   in
POST /profile/devices/:id/removal from /profile/factors writes trusted_device.removed
	device-of-David    404   404   404   done  404   403   in
	device-of-nobody   404   404   404   404   404   403   in
`

// putFactors gives David an app and a browser that is not asked for it. Sam has one from the cast.
func putFactors(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	_, codes := m.app(t, cast.David)
	v := m.site.visit(t)
	page := v.follow(v.post("/session", signIn(cast.David, cast.Password)))
	if in := v.submit(page, "/session/factor", map[string][]string{"code": codes[:1], "trust": {"on"}}); in.location != "/" {
		t.Fatalf("%d %s", in.status, in.text("main"))
	}
	v.submit(v.get("/profile"), "/session/end", nil)
	for name, query := range map[string]string{
		"factor-of-David": "SELECT CAST(max(id) AS text) FROM factors WHERE customer_id IS NOT NULL",
		"factor-of-Sam":   "SELECT CAST(max(id) AS text) FROM factors WHERE agent_id IS NOT NULL",
		"device-of-David": "SELECT CAST(max(id) AS text) FROM trusted_devices",
	} {
		id, err := strconv.ParseInt(texts(t, w, query)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.ids[name] = id
	}
	m.ids["factor-of-nobody"], m.ids["device-of-nobody"] = 1<<40, 1<<40
}
