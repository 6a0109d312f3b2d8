// A third-party client (mautrix-go with goolm, which shares no code with matrix-sdk-crypto) that verifies a bot by
// emoji. It logs in, creates a cross-signing identity, opens an encrypted room, waits for the bot's hello, and verifies
// the bot.
//
//	go run -tags goolm . <homeserver> <user> <password> <bot> room|devices
//
// Standard output: one JSON object, an Outcome. Standard error: what mautrix logs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/cryptohelper"
	"maunium.net/go/mautrix/crypto/verificationhelper"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Outcome is what became of the verification.
type Outcome struct {
	Emojis    string `json:"emojis"`
	Decimals  []int  `json:"decimals"`
	Done      bool   `json:"done"`
	Cancelled string `json:"cancelled,omitempty"`
	// Whether this client trusts the bot's identity, before and after the verification.
	TrustedBefore bool `json:"trustedBefore"`
	Trusted       bool `json:"trusted"`
	// How far this client trusts the bot's device, given the identity that it verified.
	DeviceTrust string `json:"deviceTrust"`
	// The bot's answer to `!echo` afterwards, which this client decrypted.
	Answer string `json:"answer"`
}

type callbacks struct {
	helper    *verificationhelper.VerificationHelper
	outcome   *Outcome
	over      chan struct{}
	confirmed chan struct{}
}

func (c *callbacks) VerificationRequested(context.Context, id.VerificationTransactionID, id.UserID, id.DeviceID) {
}

func (c *callbacks) VerificationReady(ctx context.Context, txn id.VerificationTransactionID, _ id.DeviceID, sas, _ bool, _ *verificationhelper.QRCode) {
	if !sas {
		c.outcome.Cancelled = "the bot knows no emojis"
		close(c.over)
		return
	}
	// The helper holds its lock during callbacks, and only saves its state afterwards.
	go func() {
		time.Sleep(200 * time.Millisecond)
		must(c.helper.StartSAS(ctx, txn))
	}()
}

func (c *callbacks) VerificationCancelled(_ context.Context, _ id.VerificationTransactionID, code event.VerificationCancelCode, reason string) {
	c.outcome.Cancelled = fmt.Sprintf("%s: %s", code, reason)
	close(c.over)
}

func (c *callbacks) VerificationDone(context.Context, id.VerificationTransactionID, event.VerificationMethod) {
	c.outcome.Done = true
	close(c.over)
}

func (c *callbacks) ShowSAS(ctx context.Context, txn id.VerificationTransactionID, emojis []rune, names []string, decimals []int) {
	shown := make([]string, len(emojis))
	for i, emoji := range emojis {
		shown[i] = fmt.Sprintf("%c %s", emoji, names[i])
	}
	c.outcome.Emojis = strings.Join(shown, ", ")
	c.outcome.Decimals = decimals
	go func() {
		time.Sleep(200 * time.Millisecond)
		must(c.helper.ConfirmSAS(ctx, txn))
		close(c.confirmed)
	}()
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: <homeserver> <user> <password> <bot> room|devices")
		os.Exit(2)
	}
	homeserver, user, password, bot, where := os.Args[1], os.Args[2], os.Args[3], id.UserID(os.Args[4]), os.Args[5]
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	outcome := &Outcome{}
	confirmed := make(chan struct{})
	client, helper := login(ctx, homeserver, user, password, confirmed)
	machine := helper.Machine()
	answers := make(chan string, 100)
	client.Syncer.(mautrix.ExtensibleSyncer).OnEventType(event.EventMessage, func(_ context.Context, evt *event.Event) {
		if evt.Sender == bot {
			answers <- evt.Content.AsMessage().Body
		}
	})
	told := &callbacks{outcome: outcome, over: make(chan struct{}), confirmed: confirmed}
	store := verificationhelper.NewInMemoryVerificationStore()
	told.helper = verificationhelper.NewVerificationHelper(client, machine, store, told, false, false, true)
	must(told.helper.Init(ctx))
	go func() { must(client.SyncWithContext(ctx)) }()

	room := roomWith(ctx, client, bot)
	await(ctx, answers, "Hello, I am")
	outcome.TrustedBefore, _ = machine.IsUserTrusted(ctx, bot)
	var err error
	if where == "room" {
		err = askInRoom(ctx, client, store, room, bot)
	} else {
		_, err = told.helper.StartVerification(ctx, bot)
	}
	must(err)
	select {
	case <-told.over:
	case <-ctx.Done():
		outcome.Cancelled = "it did not end in two minutes"
	}
	if outcome.Done {
		judge(ctx, machine, bot, outcome)
		_, err = client.SendText(ctx, room, "!echo after the verification")
		must(err)
		outcome.Answer = await(ctx, answers, "after the verification")
	}
	must(json.NewEncoder(os.Stdout).Encode(outcome))
}

func login(ctx context.Context, homeserver, user, password string, confirmed chan struct{}) (*mautrix.Client, *cryptohelper.CryptoHelper) {
	client, err := mautrix.NewClient(homeserver, "", "")
	must(err)
	client.Log = zerolog.New(os.Stderr).Level(zerolog.WarnLevel)
	_, err = client.Login(ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: user},
		Password:         password,
		StoreCredentials: true,
	})
	must(err)
	client.Syncer = &mended{mautrix.NewDefaultSyncer(), client.UserID, confirmed}
	client.StateStore = mautrix.NewMemoryStateStore()
	client.Syncer.(mautrix.ExtensibleSyncer).OnEvent(client.StateStoreSyncHandler)
	helper, err := cryptohelper.NewCryptoHelper(client, []byte("only in memory"), crypto.NewMemoryStore(nil))
	must(err)
	must(helper.Init(ctx))
	client.Crypto = helper
	machine := helper.Machine()
	_, _, err = machine.GenerateAndUploadCrossSigningKeysWithPassword(ctx, password, "")
	must(err)
	must(machine.SignOwnDevice(ctx, machine.OwnIdentity()))
	must(machine.SignOwnMasterKey(ctx))
	return client, helper
}

func roomWith(ctx context.Context, client *mautrix.Client, bot id.UserID) id.RoomID {
	encryption := &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}
	created, err := client.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Preset:       "private_chat",
		Invite:       []id.UserID{bot},
		InitialState: []*event.Event{{Type: event.StateEncryption, Content: event.Content{Parsed: encryption}}},
	})
	must(err)
	return created.RoomID
}

// askInRoom does what StartInRoomVerification is meant to do. If the state store knows that the room is encrypted,
// StartInRoomVerification encrypts the request twice, so nobody can read it (mautrix-go 0.32.0).
func askInRoom(ctx context.Context, client *mautrix.Client, store verificationhelper.VerificationStore, room id.RoomID, bot id.UserID) error {
	asked, err := client.SendMessageEvent(ctx, room, event.EventMessage, &event.MessageEventContent{
		MsgType:    event.MsgVerificationRequest,
		Body:       "Please verify.",
		FromDevice: client.DeviceID,
		Methods:    []event.VerificationMethod{event.VerificationMethodSAS},
		To:         bot,
	})
	if err != nil {
		return err
	}
	return store.SaveVerificationTransaction(ctx, verificationhelper.VerificationTransaction{
		ExpirationTime:    jsontime.UnixMilli{Time: time.Now().Add(10 * time.Minute)},
		RoomID:            room,
		VerificationState: verificationhelper.VerificationStateRequested,
		TransactionID:     id.VerificationTransactionID(asked.EventID),
		TheirUserID:       bot,
	})
}

// mended works around three bugs in the verifications of mautrix-go 0.32.0: it takes this client's own events in a room
// for the other side's; it looks up the transaction of a room event by the event's ID instead of the request's; and if
// the other side's MAC arrives before this side has confirmed, it compares its own master key with the other's.
type mended struct {
	*mautrix.DefaultSyncer
	user id.UserID
	// Closed once this side has confirmed.
	confirmed chan struct{}
}

func (m *mended) OnEventType(eventType event.Type, callback mautrix.EventHandler) {
	if !strings.HasPrefix(eventType.Type, "m.key.verification.") {
		m.DefaultSyncer.OnEventType(eventType, callback)
		return
	}
	m.DefaultSyncer.OnEventType(eventType, func(ctx context.Context, evt *event.Event) {
		if evt.Sender == m.user {
			return
		}
		if related, ok := evt.Content.Parsed.(event.Relatable); ok && evt.ID != "" {
			evt.ID = related.OptionalGetRelatesTo().GetReferenceID()
		}
		if strings.HasSuffix(eventType.Type, ".mac") {
			<-m.confirmed
		}
		callback(ctx, evt)
	})
}

func await(ctx context.Context, answers <-chan string, words string) string {
	for {
		select {
		case answer := <-answers:
			if strings.Contains(answer, words) {
				return answer
			}
		case <-ctx.Done():
			return ""
		}
	}
}

func judge(ctx context.Context, machine *crypto.OlmMachine, bot id.UserID, outcome *Outcome) {
	keys, err := machine.FetchKeys(ctx, []id.UserID{bot}, true)
	must(err)
	outcome.Trusted, err = machine.IsUserTrusted(ctx, bot)
	must(err)
	for _, device := range keys[bot] {
		trust, err := machine.ResolveTrustContext(ctx, device)
		must(err)
		outcome.DeviceTrust = trust.String()
	}
}

func must(err error) {
	if err != nil && err != context.Canceled {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
