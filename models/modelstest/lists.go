package modelstest

import (
	"strconv"
	"testing"
	"time"
)

// What the list service would write, beside the store.

// ListMessage writes a message to a list, by its address, in a state; its token
// is "token-" and its id, which is the answer.
func (w *World) ListMessage(t testing.TB, list, state, author, subject, content string) int64 {
	t.Helper()
	id := int64(1 + w.Int(t, "SELECT COALESCE(max(id), 0) FROM list_messages"))
	now := w.Store.Now()
	var settled *time.Time
	if state == "rejected" || state == "discarded" || state == "expired" || state == "sent" {
		settled = &now
	}
	overriding := "OVERRIDING SYSTEM VALUE "
	if w.Store.Embedded() {
		overriding = ""
	}
	token := "token-" + strconv.FormatInt(id, 10)
	w.Exec(t, `INSERT INTO list_messages (id, list_id, base, sender, author, subject, size_bytes, content, state, token, received_at, settled_at) `+overriding+
		`SELECT $1, l.id, l.address, 'sender@else.example', $2, $3, $4, $5, $6, $7, $8, $9 FROM lists l WHERE l.address = $10`,
		id, author, subject, len(content), []byte(content), state, token, now, settled, list)
	return id
}

// ListDelivery writes what became of a message on its way to a recipient.
func (w *World) ListDelivery(t testing.TB, message int64, recipient, state string) {
	t.Helper()
	w.Exec(t, "INSERT INTO list_deliveries (message_id, recipient, token, state, next_at) VALUES ($1, $2, $3, $4, $5)",
		message, recipient, strconv.FormatInt(message, 10)+"-"+recipient, state, w.Store.Now())
}

// ListRequest asks the panel for something about a list, by its address, and
// about a message unless that is 0.
func (w *World) ListRequest(t testing.TB, list, kind, email string, message int64) {
	t.Helper()
	var of *int64
	if message != 0 {
		of = &message
	}
	w.Exec(t, "INSERT INTO list_requests (list_id, kind, email, message_id, asked_at) SELECT l.id, $1, $2, $3, $4 FROM lists l WHERE l.address = $5",
		kind, email, of, w.Store.Now(), list)
}

// ListLink makes the link of a subscriber of a list, by its address.
func (w *World) ListLink(t testing.TB, list, email, token string) {
	t.Helper()
	w.Exec(t, "INSERT INTO list_links (token, list_id, email) SELECT $1, l.id, $2 FROM lists l WHERE l.address = $3", token, email, list)
}
